public import ParleyCore

/// Brings a database's schema up to date. Any number of nodes may do so at once: they take turns, and each step is carried
/// out once, whole or not at all.
public struct PostgresMigrator: Sendable {
    private let database: PostgresDatabase

    /// - Parameter database: One made for migrating, with limits that leave a step its time, or the one that is used anyway.
    public init(_ database: PostgresDatabase) {
        self.database = database
    }

    private static let known = PostgresStatement("migrations.exist", "SELECT to_regclass('parley_migrations') IS NOT NULL")
    private static let done = PostgresStatement("migrations.done", "SELECT number FROM parley_migrations")

    /// The steps that ``migrate()`` would carry out, in order; changes nothing.
    public func missing() async throws(StoreError) -> [String] {
        let steps = try await database.run { connection throws(PostgresFailure) in
            guard try connection.read(Self.known())[0].bool(0) else { return PostgresSchema.steps.map(\.number) }
            return try Self.missing(connection.read(Self.done())).map(\.number)
        }
        return PostgresSchema.steps.filter { steps.contains($0.number) }.map(Self.title(of:))
    }

    /// Carries out the missing steps and tells which those were. With none missing it only reads, so that nodes may run with a
    /// login that cannot make tables.
    @discardableResult
    public func migrate() async throws(StoreError) -> [String] {
        guard try await !missing().isEmpty else { return [] }
        var titles: [String] = []
        while let title = try await migrateOnce() { titles.append(title) }
        return titles
    }

    /// Nothing but us knows this number; the lock lasts as long as the transaction.
    private static let lock = PostgresStatement("migrations.lock", "SELECT pg_advisory_xact_lock(7202931845104733)")
    private static let prepare = PostgresStatement(
        "migrations.table",
        """
        CREATE TABLE IF NOT EXISTS parley_migrations (
            number bigint PRIMARY KEY,
            name text NOT NULL,
            migrated_at timestamptz NOT NULL DEFAULT now()
        )
        """)
    private static let note = PostgresStatement("migrations.note", "INSERT INTO parley_migrations (number, name) VALUES ($1, $2)")

    /// Carries out the first missing step; nil when there is none.
    private func migrateOnce() async throws(StoreError) -> String? {
        try await database.run { connection throws(PostgresFailure) in
            try connection.transaction { transaction throws(PostgresFailure) in
                _ = try transaction.run([Self.lock(), Self.prepare()])
                guard let step = try Self.missing(transaction.run(Self.done())).first else { return nil }
                let calls = step.statements.enumerated().map { place, sql in
                    PostgresStatement("migration \(step.number), statement \(place + 1)", sql)()
                }
                _ = try transaction.run(calls + [Self.note(.int64(step.number), .text(step.name))])
                return Self.title(of: step)
            }
        }
    }

    private static func missing(_ rows: PostgresRows) throws(PostgresFailure) -> [PostgresSchema.Step] {
        let done = Set(try rows.map { row throws(PostgresFailure) in try row.int64(0) })
        return PostgresSchema.steps.filter { !done.contains($0.number) }
    }

    private static func title(of step: PostgresSchema.Step) -> String { "\(step.number) \(step.name)" }
}
