import Foundation
import GRDB
import ParleyCore
import ParleyModel

// How the model's values stand in SQLite: ids as blobs of their bytes, times as milliseconds.

extension Identifier {
    var blob: Data { Data(bytes) }

    /// Joins ids to one blob of 16 bytes each.
    static func blob(of ids: some Sequence<Self>) -> Data {
        var data = Data()
        for id in ids { data.append(contentsOf: id.bytes) }
        return data
    }

    static func ids(in blob: Data) -> [Self] {
        stride(from: blob.startIndex, to: blob.endIndex - 15, by: 16).compactMap { Self(bytes: blob[$0..<$0 + 16]) }
    }
}

extension MessageID {
    var blob: Data { Data(bytes) }
}

/// A row that does not hold what the schema says; only a damaged file does that.
struct DamagedRow: Error {
    let column: String
}

extension Row {
    func id<Kind>(at index: Int, as: Identifier<Kind>.Type = Identifier<Kind>.self) throws -> Identifier<Kind> {
        guard let id = try withUnsafeData(atIndex: index, { $0.flatMap { Identifier<Kind>(bytes: $0) } }) else {
            throw DamagedRow(column: "\(index)")
        }
        return id
    }

    func messageID(at index: Int) throws -> MessageID {
        guard let id = try withUnsafeData(atIndex: index, { $0.flatMap { MessageID(bytes: $0) } }) else {
            throw DamagedRow(column: "\(index)")
        }
        return id
    }

    func ids<Kind>(at index: Int, as: Identifier<Kind>.Type = Identifier<Kind>.self) throws -> [Identifier<Kind>] {
        try withUnsafeData(atIndex: index) { $0.map(Identifier<Kind>.ids(in:)) ?? [] }
    }

    func timestamp(at index: Int) -> Timestamp {
        Timestamp(milliseconds: self[index])
    }
}
