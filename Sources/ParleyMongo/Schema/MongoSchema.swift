import CMongoC
public import ParleyCore

/// What the message store needs to be there: the indexes of the collection `messages`.
public struct MongoSchema: Sendable {
    private let database: MongoDatabase

    /// Give it a database of its own with ``MongoConfiguration/migrating``: an index over many messages takes long.
    public init(_ database: MongoDatabase) {
        self.database = database
    }

    /// The names of the indexes that ``migrate()`` would create; nothing is changed.
    public func missing() async throws(StoreError) -> [String] {
        try await database.run { connection throws(StoreError) in
            let present = try connection.read { options in
                mongoc_collection_find_indexes_with_opts(connection.messages, options.pointer)
            }
            let names = Set(present.compactMap { $0.optionalText("name") })
            return MongoIndex.all.map(\.name.rawValue).filter { !names.contains($0) }
        }
    }

    /// Creates what is missing. Any number of nodes may do so at once, and again: the server creates an index once (MongoDB
    /// manual, `createIndexes`). Appends go on meanwhile.
    ///
    /// Fails with `unexpected` when there is an index of that name that is another, or messages break a unique one.
    public func migrate() async throws(StoreError) {
        try await database.run { connection throws(StoreError) in
            let command = BSON {
                $0.set("createIndexes", MessageDocument.collection)
                $0.setArray("indexes", of: MongoIndex.all) { $0.set($1, $2.document) }
            }
            try connection.command(command, isWrite: true)
        }
    }
}
