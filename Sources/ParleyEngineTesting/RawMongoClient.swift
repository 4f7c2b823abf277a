import CMongoC
import Foundation

/// The bare driver, for what the tests want to do or see without the store.
public final class RawMongoClient {
    private let client: OpaquePointer
    /// That the URL names.
    public let database: String

    /// - Parameter url: One that the driver understands, or the test ends here.
    public init(_ url: String) {
        mongoc_init()
        client = mongoc_client_new(url)!
        database = String(url.split(separator: "/").last?.prefix { $0 != "?" } ?? "")
    }

    deinit { mongoc_client_destroy(client) }

    /// The reply as extended JSON; nil when the command failed.
    @discardableResult
    public func command(_ json: String, on database: String? = nil) -> String? {
        guard let command = bson_new_from_json(json, -1, nil) else { return nil }
        defer { bson_destroy(command) }
        var reply: OpaquePointer?
        var error = bson_error_t()
        let isDone = parley_mongoc_command(client, database ?? self.database, command, nil, nil, &reply, &error)
        defer { bson_destroy(reply) }
        return isDone ? reply.flatMap(Self.json) : nil
    }

    /// The bytes of all documents, by `_id`.
    public func documents() -> [[UInt8]] {
        let collection = mongoc_client_get_collection(client, database, "messages")
        defer { mongoc_collection_destroy(collection) }
        let filter = bson_new()
        defer { bson_destroy(filter) }
        let cursor = mongoc_collection_find_with_opts(collection, filter, nil, nil)
        defer { mongoc_cursor_destroy(cursor) }
        var found: [[UInt8]] = []
        var document: OpaquePointer?
        while mongoc_cursor_next(cursor, &document) {
            guard let document, let data = bson_get_data(document) else { continue }
            found.append(Array(UnsafeBufferPointer(start: data, count: Int(parley_bson_length(document)))))
        }
        return found
    }

    private static func json(_ document: OpaquePointer) -> String? {
        guard let text = bson_as_relaxed_extended_json(document, nil) else { return nil }
        defer { bson_free(text) }
        return String(cString: text)
    }
}
