import ParleyCore
import ParleyEngineTesting
import ParleyTesting
import Testing

@testable import ParleyPostgres

@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct PostgresMigratorTests {
    private static let all = [
        "1 conversations and participants", "2 media, devices and revoked tokens", "3 checkpoints of nodes", "4 copies of data folders",
        "5 notifications",
        "6 departures by time", "7 attendances", "8 alerts that may have been sent", "9 alerts by message",
    ]

    @Test func `what is missing is told without being done, done once, and then missing no more`() async throws {
        let url = try await TestDatabase.makeEmpty(on: try await PostgresServer.shared.value, name: "migrated")
        try await withPool(url) { pool in
            let migrator = PostgresMigrator(pool)
            let missing = try await migrator.missing()
            #expect(missing == Self.all)
            let tables = try await pool.text("SELECT count(*)::text FROM information_schema.tables WHERE table_schema = 'public'")
            #expect(tables == "0")
            let done = try await migrator.migrate()
            #expect(done == Self.all)
            let stillMissing = try await migrator.missing()
            #expect(stillMissing == [])
            let doneAgain = try await migrator.migrate()
            #expect(doneAgain == [])
        }
    }

    @Test func `nodes that start at once take turns, and each step is done once`() async throws {
        let url = try await TestDatabase.makeEmpty(on: try await PostgresServer.shared.value, name: "raced")
        let done = try await concurrently(12) { _ in
            try await withPool(url, connections: 1) { try await PostgresMigrator($0).migrate() }
        }
        #expect(done.flatMap { $0 }.sorted() == Self.all)
    }

    @Test func `a step that fails leaves nothing behind`() async throws {
        let url = try await TestDatabase.makeEmpty(on: try await PostgresServer.shared.value, name: "failed")
        try await withPool(url) { pool in
            // The second step's last table is in the way.
            _ = try await pool.text("CREATE TABLE token_revocations (x int)")
            await #expect(throws: StoreError.self) { try await PostgresMigrator(pool).migrate() }
            #expect(try await PostgresMigrator(pool).missing() == Array(Self.all[1...]))
            #expect(try await pool.text("SELECT to_regclass('media')::text") == nil)
            _ = try await pool.text("DROP TABLE token_revocations")
            #expect(try await PostgresMigrator(pool).migrate() == Array(Self.all[1...]))
        }
    }
}
