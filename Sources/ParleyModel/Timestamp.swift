/// A moment, in whole milliseconds since 1970-01-01T00:00:00Z. On the wire: RFC 3339 in UTC with milliseconds.
public struct Timestamp: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let milliseconds: Int64

    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }

    public func advanced(bySeconds seconds: Double) -> Timestamp {
        Timestamp(milliseconds: milliseconds + Int64(seconds * 1000))
    }

    /// Seconds from `earlier` to this moment.
    public func seconds(since earlier: Timestamp) -> Double {
        Double(milliseconds - earlier.milliseconds) / 1000
    }

    /// The latest moment that four digits of a year can say.
    public static let distantFuture = Timestamp(milliseconds: 253_402_300_799_999)
    static let yearZero = Timestamp(milliseconds: -62_167_219_200_000)

    public var description: String {
        String(unsafeUninitializedCapacity: 24) { buffer in
            write(into: buffer)
            return 24
        }
    }

    /// Writes the 24 ASCII bytes `2026-01-31T09:30:00.000Z` at the start of `buffer`.
    func write(into buffer: UnsafeMutableBufferPointer<UInt8>) {
        let clamped = min(max(milliseconds, Timestamp.yearZero.milliseconds), Timestamp.distantFuture.milliseconds)
        let days = Int64((Double(clamped) / 86_400_000).rounded(.down))
        let inDay = Int(clamped - days * 86_400_000)
        let (year, month, day) = CivilDate.date(fromDays: Int(days))
        func put(_ value: Int, at place: Int, digits: Int) {
            var value = value
            for offset in stride(from: digits - 1, through: 0, by: -1) {
                buffer[place + offset] = UInt8(ascii: "0") + UInt8(value % 10)
                value /= 10
            }
        }
        put(year, at: 0, digits: 4)
        buffer[4] = UInt8(ascii: "-")
        put(month, at: 5, digits: 2)
        buffer[7] = UInt8(ascii: "-")
        put(day, at: 8, digits: 2)
        buffer[10] = UInt8(ascii: "T")
        put(inDay / 3_600_000, at: 11, digits: 2)
        buffer[13] = UInt8(ascii: ":")
        put(inDay / 60_000 % 60, at: 14, digits: 2)
        buffer[16] = UInt8(ascii: ":")
        put(inDay / 1000 % 60, at: 17, digits: 2)
        buffer[19] = UInt8(ascii: ".")
        put(inDay % 1000, at: 20, digits: 3)
        buffer[23] = UInt8(ascii: "Z")
    }

    /// Reads an RFC 3339 date-time with any offset and any number of fraction digits (those past milliseconds are
    /// dropped); a leap second counts as the second before it. Nil for anything else.
    public init?(_ text: String) {
        var reader = DigitReader(text)
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(2), reader.take(":"), let minute = reader.number(2), reader.take(":"),
            let second = reader.number(2), (1...12).contains(month), (1...CivilDate.days(in: month, of: year)).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction = 0
        if reader.take(".") {
            guard let digits = reader.fraction() else { return nil }
            fraction = digits
        }
        guard let offset = reader.offset(), reader.isAtEnd else { return nil }
        let days = CivilDate.days(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + min(second, 59) - offset
        self.init(milliseconds: Int64(seconds) * 1000 + Int64(fraction))
    }
}

/// The civil calendar as days since 1970-01-01 (the well-known era arithmetic of the proleptic Gregorian calendar).
enum CivilDate {
    static func days(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func date(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9, day)
    }

    static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

private struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func number(_ digits: Int) -> Int? {
        var value = 0
        for _ in 0..<digits {
            guard let byte = rest.first, (48...57).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 48)
            rest.removeFirst()
        }
        return value
    }

    /// Milliseconds from one or more fraction digits.
    mutating func fraction() -> Int? {
        var value = 0
        var digits = 0
        while let byte = rest.first, (48...57).contains(byte) {
            if digits < 3 { value = value * 10 + Int(byte - 48) }
            digits += 1
            rest.removeFirst()
        }
        guard digits > 0 else { return nil }
        for _ in min(digits, 3)..<3 { value *= 10 }
        return value
    }

    /// Seconds east of UTC from `Z` or `±hh:mm`.
    mutating func offset() -> Int? {
        if take("Z") || take("z") { return 0 }
        let sign: Int
        if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
        guard let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }
}
