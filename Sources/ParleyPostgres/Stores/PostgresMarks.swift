import ParleyCore
import ParleyModel

/// How ``ParleyCore/ActivityMark``s are made: microseconds since 1970 by PostgreSQL's clock at the moment of applying.
///
/// A transaction that applies metadata takes its moment before its commit shows it. So a mark is set back to the beginning of
/// the oldest transaction under way, and by a margin, lest it cover what cannot be seen yet. PostgreSQL tells of transactions
/// of the own role only: all nodes must connect as the same one (or one that may `pg_read_all_stats`).
public struct PostgresMarks: Sendable {
    /// Seconds by which marks are set back: for transactions that have begun and do not say so yet, and for a server that
    /// takes over with a clock that is behind by less.
    public var marginSeconds: Double

    /// - Parameter marginSeconds: See ``marginSeconds``; 0 is for tests that await every call.
    public init(marginSeconds: Double = 1) {
        self.marginSeconds = marginSeconds
    }

    /// In a statement of its own, before the one whose snapshot it is for: what is under way then is not missed by both. A
    /// transaction of more than a minute is none that applies; a mark does not wait for it.
    private static let horizon = PostgresStatement(
        "mark",
        """
        SELECT (extract(epoch FROM greatest(
            least(statement_timestamp(), min(xact_start)), statement_timestamp() - interval '1 minute')) * 1000000)::int8
        FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
        """)

    /// The mark before a statement's snapshot, and what the statement found.
    func read(_ call: PostgresCall, _ connection: PostgresConnection) throws(PostgresFailure) -> (mark: ActivityMark, rows: PostgresRows) {
        let answers = try connection.read([Self.horizon(), call])
        let margin = Int64(marginSeconds * 1_000_000)
        return (ActivityMark(max(0, try answers[0][0].int64(0) - margin)), answers[1])
    }
}
