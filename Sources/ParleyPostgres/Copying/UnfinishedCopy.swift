public import ParleyCore
public import ParleyModel

/// A copy of a data folder that was begun and is not finished. The engines hold a part of the folder then, which nodes must not
/// work on: the copy could not be finished any more, and what is missing would be missing for ever.
public struct UnfinishedCopy: Sendable, Equatable {
    public let source: FolderID
    public let begunAt: Timestamp

    /// Both are sentences without a full stop.
    public var fact: String { "a copy of a data folder was begun at \(begunAt), and is not finished" }
    public static let advice = """
        run parley copy with that folder until it says that the copy is finished; or give the copy up: drop both databases, MongoDB's and \
        PostgreSQL's, and begin with empty ones (docs/COPYING.md)
        """

    private static let isKnown = PostgresStatement("copy.known", "SELECT to_regclass('parley_copies') IS NOT NULL")
    private static let find = PostgresStatement(
        "copy.unfinished", "SELECT source_id, begun_at FROM parley_copies WHERE finished_at IS NULL LIMIT 1")

    /// The one in this database, migrated or not; nil when there is none.
    public static func find(in database: PostgresDatabase) async throws(StoreError) -> UnfinishedCopy? {
        try await database.run { connection throws(PostgresFailure) in
            guard try connection.read(isKnown())[0].bool(0), let row = try connection.read(find()).first else { return nil }
            return UnfinishedCopy(source: try row.id(0), begunAt: try row.timestamp(1))
        }
    }
}
