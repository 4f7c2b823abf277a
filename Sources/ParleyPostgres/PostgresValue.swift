import CLibPQ
import ParleyModel

/// A parameter of a statement, in PostgreSQL's binary format: big-endian numbers, ids as 16 bytes, times as microseconds
/// since 2000 (PostgreSQL manual, "Frontend/Backend Protocol", and the `send` functions of the types).
struct PostgresValue {
    /// The type's number in `pg_type`.
    let type: Oid
    /// Nil for NULL.
    let bytes: [UInt8]?

    private enum TypeNumber {
        static let bool: Oid = 16
        static let int64: Oid = 20
        static let text: Oid = 25
        static let timestamp: Oid = 1184
        static let uuid: Oid = 2950
        static let texts: Oid = 1009
        static let int64s: Oid = 1016
        static let timestamps: Oid = 1185
        static let uuids: Oid = 2951
    }

    static func bool(_ value: Bool) -> Self { Self(type: TypeNumber.bool, bytes: [value ? 1 : 0]) }

    static func int64(_ value: Int64?) -> Self { Self(type: TypeNumber.int64, bytes: value.map { $0.bigEndianBytes }) }

    static func text(_ value: String?) -> Self { Self(type: TypeNumber.text, bytes: value.map(Self.storable)) }

    static func timestamp(_ value: Timestamp?) -> Self {
        Self(type: TypeNumber.timestamp, bytes: value.map { PostgresTime.microseconds(of: $0).bigEndianBytes })
    }

    static func id<Kind>(_ value: Identifier<Kind>?) -> Self { Self(type: TypeNumber.uuid, bytes: value?.bytes) }

    // MARK: Arrays

    static func ids<Kind>(_ values: [Identifier<Kind>]) -> Self {
        array(values.map(Optional.some), type: TypeNumber.uuids, of: TypeNumber.uuid) { $0.bytes }
    }

    static func ids<Kind>(_ values: [Identifier<Kind>?]) -> Self {
        array(values, type: TypeNumber.uuids, of: TypeNumber.uuid) { $0.bytes }
    }

    static func int64s(_ values: [Int64]) -> Self {
        array(values.map(Optional.some), type: TypeNumber.int64s, of: TypeNumber.int64) { $0.bigEndianBytes }
    }

    static func int64s(_ values: [Int64?]) -> Self {
        array(values, type: TypeNumber.int64s, of: TypeNumber.int64) { $0.bigEndianBytes }
    }

    static func texts(_ values: [String]) -> Self {
        array(values.map(Optional.some), type: TypeNumber.texts, of: TypeNumber.text, Self.storable)
    }

    static func timestamps(_ values: [Timestamp]) -> Self {
        array(values.map(Optional.some), type: TypeNumber.timestamps, of: TypeNumber.timestamp) {
            PostgresTime.microseconds(of: $0).bigEndianBytes
        }
    }

    static func texts(_ values: [String?]) -> Self {
        array(values, type: TypeNumber.texts, of: TypeNumber.text, Self.storable)
    }

    static func timestamps(_ values: [Timestamp?]) -> Self {
        array(values, type: TypeNumber.timestamps, of: TypeNumber.timestamp) { PostgresTime.microseconds(of: $0).bigEndianBytes }
    }

    /// One dimension, from index 1 (`array_recv`): dimensions, whether there are NULLs, the elements' type, length, first
    /// index, then each element with its length; -1 is NULL.
    private static func array<Element>(
        _ values: [Element?], type: Oid, of element: Oid, _ encode: (Element) -> [UInt8]
    ) -> Self {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + values.count * 24)
        for number in [values.isEmpty ? 0 : 1, values.contains { $0 == nil } ? 1 : 0, Int32(element)] as [Int32] {
            bytes += number.bigEndianBytes
        }
        if !values.isEmpty { bytes += Int32(values.count).bigEndianBytes + Int32(1).bigEndianBytes }
        for value in values {
            guard let value else {
                bytes += Int32(-1).bigEndianBytes
                continue
            }
            let encoded = encode(value)
            bytes += Int32(encoded.count).bigEndianBytes
            bytes += encoded
        }
        return Self(type: type, bytes: bytes)
    }

    /// PostgreSQL's text cannot hold U+0000, which JSON can: it is kept as the replacement character.
    private static func storable(_ text: String) -> [UInt8] {
        guard text.utf8.contains(0) else { return Array(text.utf8) }
        return Array(text.utf8.split(separator: 0, omittingEmptySubsequences: false).joined(separator: [0xEF, 0xBF, 0xBD]))
    }
}

/// `timestamptz`: microseconds since 2000-01-01.
enum PostgresTime {
    private static let epoch: Int64 = 946_684_800_000
    /// What the type can hold is 4713 BC to 294276 AD; whatever lies outside is kept as its nearest end.
    private static let bounds: ClosedRange<Int64> = -210_866_803_200_000...9_224_318_015_999_999

    static func microseconds(of time: Timestamp) -> Int64 {
        (min(max(time.milliseconds, bounds.lowerBound), bounds.upperBound) - epoch) * 1000
    }

    static func timestamp(_ microseconds: Int64) -> Timestamp {
        let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1000)
        return Timestamp(milliseconds: epoch + whole - (rest < 0 ? 1 : 0))
    }
}

extension Timestamp {
    /// Since 1970; times far beyond any message's are the nearest that fits.
    var microseconds: Int64 {
        let (value, overflows) = milliseconds.multipliedReportingOverflow(by: 1000)
        return overflows ? (milliseconds < 0 ? -Int64.max / 2 : .max / 2) : value
    }
}

extension FixedWidthInteger {
    fileprivate var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}
