import Foundation
import GRDB
import ParleyCore
import ParleyModel

// How the model's values stand in SQLite: ids as blobs of their bytes, times as milliseconds.

extension Identifier {
    var blob: Data { withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Data($0) } }

    /// Joins ids to one blob of 16 bytes each.
    static func blob(of ids: some Sequence<Self>) -> Data {
        var data = Data()
        for id in ids { data.append(contentsOf: id.bytes) }
        return data
    }

    static func ids(in blob: Data) -> [Self] {
        blob.withUnsafeBytes { bytes in stride(from: 0, to: bytes.count - 15, by: 16).map { Self(raw: bytes, at: $0) } }
    }

    /// The 16 bytes at that place, which must be there.
    fileprivate init(raw bytes: UnsafeRawBufferPointer, at place: Int) {
        self.init(
            high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self)))
    }
}

extension MessageID {
    var blob: Data { withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Data($0) } }
}

/// A row that does not hold what the schema says; only a damaged file does that.
struct DamagedRow: Error {
    let column: String
}

extension Row {
    func id<Kind>(at index: Int, as: Identifier<Kind>.Type = Identifier<Kind>.self) throws -> Identifier<Kind> {
        try withUnsafeData(atIndex: index) { data in
            guard let data, data.count == 16 else { throw DamagedRow(column: "\(index)") }
            return data.withUnsafeBytes { Identifier<Kind>(raw: $0, at: 0) }
        }
    }

    func messageID(at index: Int) throws -> MessageID {
        try withUnsafeData(atIndex: index) { data in
            guard let data, data.count == 12 else { throw DamagedRow(column: "\(index)") }
            return data.withUnsafeBytes { bytes in
                MessageID(
                    high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    low: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
            }
        }
    }

    func ids<Kind>(at index: Int, as: Identifier<Kind>.Type = Identifier<Kind>.self) throws -> [Identifier<Kind>] {
        try withUnsafeData(atIndex: index) { $0.map(Identifier<Kind>.ids(in:)) ?? [] }
    }

    func timestamp(at index: Int) -> Timestamp {
        Timestamp(milliseconds: self[index])
    }
}
