public import ParleyCore
public import ParleyEngines

/// Looks at a PostgreSQL for `parley doctor`. Changes nothing.
public struct PostgresExamination: Sendable {
    private static let oldest: Int64 = 130_000
    /// Connections of one node.
    private static let connections: Int64 = 10

    private let database: PostgresDatabase

    public init(_ database: PostgresDatabase) {
        self.database = database
    }

    private static let look = PostgresStatement(
        "doctor",
        """
        SELECT current_setting('server_version'), current_setting('server_version_num')::int8, pg_is_in_recovery(),
            current_setting('fsync') = 'on', current_setting('synchronous_commit'), current_setting('full_page_writes') = 'on',
            current_setting('server_encoding'), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
            coalesce(has_schema_privilege(current_schema(), 'USAGE'), false), current_setting('max_connections')::int8,
            coalesce(current_schema(), ''), current_database()
        """)

    private static let tables = PostgresStatement(
        "doctor.tables",
        """
        SELECT relname::text FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname = ANY ($1)
            AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')
                AND has_table_privilege(oid, 'DELETE'))
        """)

    /// Throws when the engine cannot be asked at all.
    public func findings() async throws(StoreError) -> [EngineFinding] {
        var findings = try await database.run { connection throws(PostgresFailure) in
            let rows = try connection.read(Self.look())
            let refused = try connection.read(Self.tables(.texts(PostgresSchema.tables))).map { row throws(PostgresFailure) in
                try row.text(0)
            }
            return try Self.findings(rows[0]) + [Self.privileges(refused)]
        }
        let missing = try await PostgresMigrator(database).missing()
        let fact = missing.isEmpty ? "the schema is up to date" : "steps of the schema are missing: \(missing.joined(separator: "; "))"
        findings.append(EngineFinding(fact, missing.isEmpty, orElse: "run parley migrate; parley serve does it at its start"))
        if let copy = try await UnfinishedCopy.find(in: database) {
            findings.append(EngineFinding(copy.fact, .bad(advice: UnfinishedCopy.advice)))
        }
        return findings
    }

    private static func findings(_ row: PostgresRow) throws(PostgresFailure) -> [EngineFinding] {
        let (schema, name) = (try row.text(10), try row.text(11))
        let (writesThrough, wholePages, waits) = (try row.bool(3), try row.bool(5), try row.text(4) != "off")
        let isSafe = writesThrough && wholePages && waits
        let (mayCreate, mayUse) = (try row.bool(7), try row.bool(8))
        let places = try row.int64(9)
        return [
            EngineFinding(
                "answers, version \(try row.text(0))", try row.int64(1) >= oldest, orElse: "use PostgreSQL 13 or later"),
            EngineFinding(
                try row.bool(2) ? "is a standby" : "takes writes", try !row.bool(2),
                orElse: "name the primary in postgres.url, or add target_session_attrs=read-write to it"),
            EngineFinding(
                isSafe ? "commits are on disk when they are answered" : "commits may be lost in a crash", isSafe,
                orElse: "set fsync and full_page_writes to on, and synchronous_commit to anything but off"),
            EngineFinding(
                "database \(name) has the encoding \(try row.text(6))", try row.text(6) == "UTF8",
                orElse: "make the database anew with ENCODING 'UTF8'"),
            EngineFinding(
                mayCreate && mayUse ? "may create tables in schema \(schema)" : "may not create tables in schema \"\(schema)\"",
                mayCreate && mayUse,
                orElse: "GRANT USAGE, CREATE ON SCHEMA to the user, or let its owner run parley migrate"),
            EngineFinding(
                "takes \(places) connections, of which a node uses up to \(connections)",
                places >= 4 * connections
                    ? .good : .doubtful(advice: "raise max_connections, so that all nodes and your own programs have room")),
        ]
    }

    private static func privileges(_ refused: [String]) -> EngineFinding {
        EngineFinding(
            refused.isEmpty ? "may read and write its tables" : "may not read and write \(refused.joined(separator: ", "))",
            refused.isEmpty,
            orElse: "all nodes and parley migrate must use one role, which owns the tables")
    }
}
