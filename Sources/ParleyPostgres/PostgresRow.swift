import CLibPQ
import ParleyModel

/// What a statement answered. It belongs to the thread of its connection and is let go of with its last reader.
final class PostgresRows {
    private let result: OpaquePointer

    /// Takes over the result.
    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    var count: Int { Int(PQntuples(result)) }

    /// How many rows a statement without RETURNING changed.
    var changed: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    var first: PostgresRow? { count > 0 ? self[0] : nil }

    subscript(row: Int) -> PostgresRow { PostgresRow(rows: self, row: Int32(row)) }

    func map<Value>(_ body: (PostgresRow) throws(PostgresFailure) -> Value) throws(PostgresFailure) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for row in 0..<count { values.append(try body(self[row])) }
        return values
    }

    fileprivate func bytes(_ row: Int32, _ column: Int) -> UnsafeRawBufferPointer? {
        let column = Int32(column)
        guard PQgetisnull(result, row, column) == 0 else { return nil }
        return UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    }
}

/// One row, read by column number in the binary format. A column that is not what the statement's text says is damage.
struct PostgresRow {
    fileprivate let rows: PostgresRows
    fileprivate let row: Int32

    func isNull(_ column: Int) -> Bool { rows.bytes(row, column) == nil }

    func bool(_ column: Int) throws(PostgresFailure) -> Bool { try bytes(column, count: 1)[0] != 0 }

    func int64(_ column: Int) throws(PostgresFailure) -> Int64 { try number(column) }

    func int32(_ column: Int) throws(PostgresFailure) -> Int32 { try number(column) }

    func optionalInt64(_ column: Int) throws(PostgresFailure) -> Int64? { isNull(column) ? nil : try int64(column) }

    func text(_ column: Int) throws(PostgresFailure) -> String {
        guard let bytes = rows.bytes(row, column) else { throw .damaged("column \(column) is empty") }
        return String(decoding: bytes, as: UTF8.self)
    }

    func optionalText(_ column: Int) throws(PostgresFailure) -> String? { isNull(column) ? nil : try text(column) }

    func timestamp(_ column: Int) throws(PostgresFailure) -> Timestamp { PostgresTime.timestamp(try number(column)) }

    func optionalTimestamp(_ column: Int) throws(PostgresFailure) -> Timestamp? { isNull(column) ? nil : try timestamp(column) }

    func id<Kind>(_ column: Int, as: Identifier<Kind>.Type = Identifier<Kind>.self) throws(PostgresFailure) -> Identifier<Kind> {
        let bytes = try bytes(column, count: 16)
        return Identifier(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    /// An `int8[]` of one dimension without NULLs.
    func int64s(_ column: Int) throws(PostgresFailure) -> [Int64] {
        guard let bytes = rows.bytes(row, column) else { throw .damaged("column \(column) is empty") }
        guard bytes.count >= 20 else { return [] }
        return stride(from: 24, to: bytes.count, by: 12).map {
            Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self))
        }
    }

    private func number<Number: FixedWidthInteger>(_ column: Int) throws(PostgresFailure) -> Number {
        Number(bigEndian: try bytes(column, count: MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
    }

    private func bytes(_ column: Int, count: Int) throws(PostgresFailure) -> UnsafeRawBufferPointer {
        guard let bytes = rows.bytes(row, column), bytes.count == count else {
            throw .damaged("column \(column) is not of \(count) bytes")
        }
        return bytes
    }
}
