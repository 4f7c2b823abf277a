/// A 128-bit identifier, a UUID on the wire, with its own type for each kind of thing it names.
///
/// In text it is lower case with hyphens (RFC 9562); reading accepts either case. In stores it is its 16 bytes in
/// network order, so that byte order and text order agree.
public struct Identifier<Kind>: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A random identifier (version 4, variant 10).
    public static func random() -> Self {
        var generator = SystemRandomNumberGenerator()
        return Self(
            high: generator.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000,
            low: generator.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        )
    }

    /// Reads the 36-character form; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard let id = text.utf8.withContiguousStorageIfAvailable(Self.read) ?? Array(text.utf8).withUnsafeBufferPointer(Self.read) else {
            return nil
        }
        self = id
    }

    private static func read(_ text: UnsafeBufferPointer<UInt8>) -> Self? {
        guard text.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for place in 0..<36 {
            let byte = text[place]
            if place == 8 || place == 13 || place == 18 || place == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard digits < 32, let digit = Hex.value(of: byte) else { return nil }
            if digits < 16 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
            digits += 1
        }
        return Self(high: high, low: low)
    }

    /// Reads the 16 bytes of the stored form; nil when there are not 16.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (place, byte) in bytes.enumerated() {
            if place < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
        }
        self.init(high: high, low: low)
    }

    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
            for place in 0..<8 {
                buffer[place] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * place))
                buffer[place + 8] = UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * place))
            }
            count = 16
        }
    }

    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            write(into: buffer)
            return 36
        }
    }

    /// Writes the 36 ASCII bytes of the text form at the start of `buffer`.
    func write(into buffer: UnsafeMutableBufferPointer<UInt8>) {
        var place = 0
        for digit in 0..<32 {
            if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                buffer[place] = UInt8(ascii: "-")
                place += 1
            }
            let word = digit < 16 ? high : low
            buffer[place] = Hex.digit(UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (digit & 15))) & 0xF)
            place += 1
        }
    }

    public static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

/// Names for the kinds of ``Identifier``; they have no values.
public enum UserKind {}
public enum ConversationKind {}
public enum MediaKindOfID {}
public enum DeviceKindOfID {}

public typealias UserID = Identifier<UserKind>
public typealias ConversationID = Identifier<ConversationKind>
public typealias MediaID = Identifier<MediaKindOfID>
public typealias DeviceID = Identifier<DeviceKindOfID>

/// A message's id: 12 bytes, 24 hex digits in text. It has the shape of a MongoDB ObjectId (seconds since 1970,
/// five random bytes of the process, a counter), so that the same id serves every store.
public struct MessageID: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt32

    public init(high: UInt64, low: UInt32) {
        self.high = high
        self.low = low
    }

    /// The lowest id that a message of that second can have: those of earlier seconds are below it, as bytes and as text.
    public static func lowest(of moment: Timestamp) -> MessageID {
        MessageID(high: UInt64(UInt32(clamping: moment.milliseconds / 1000)) << 32, low: 0)
    }

    public init?(_ text: some StringProtocol) {
        var high: UInt64 = 0
        var low: UInt32 = 0
        var digits = 0
        for byte in text.utf8 {
            guard digits < 24, let digit = Hex.value(of: byte) else { return nil }
            if digits < 16 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt32(digit) }
            digits += 1
        }
        guard digits == 24 else { return nil }
        self.init(high: high, low: low)
    }

    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 12 else { return nil }
        var high: UInt64 = 0
        var low: UInt32 = 0
        for (place, byte) in bytes.enumerated() {
            if place < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt32(byte) }
        }
        self.init(high: high, low: low)
    }

    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 12) { buffer, count in
            for place in 0..<8 { buffer[place] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * place)) }
            for place in 0..<4 { buffer[place + 8] = UInt8(truncatingIfNeeded: low >> UInt32(24 - 8 * place)) }
            count = 12
        }
    }

    public var description: String {
        String(unsafeUninitializedCapacity: 24) { buffer in
            write(into: buffer)
            return 24
        }
    }

    func write(into buffer: UnsafeMutableBufferPointer<UInt8>) {
        for digit in 0..<16 { buffer[digit] = Hex.digit(UInt8(truncatingIfNeeded: high >> UInt64(60 - 4 * digit)) & 0xF) }
        for digit in 0..<8 { buffer[digit + 16] = Hex.digit(UInt8(truncatingIfNeeded: low >> UInt32(28 - 4 * digit)) & 0xF) }
    }
}

enum Hex {
    static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
