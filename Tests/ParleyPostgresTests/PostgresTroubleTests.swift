import Foundation
import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyPostgres

/// What callers are told when PostgreSQL cannot be reached, refuses, or goes away.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct PostgresTroubleTests {
    // MARK: Connecting

    @Test func `a wrong password is told without the password`() async throws {
        let server = try await PostgresServer.shared.value
        let url = try server.url(database: "postgres", password: "not-the-pass-word")
        let text = try await unavailable(url)
        #expect(text.hasPrefix("postgresql: ") && text.contains("password authentication failed"), "\(text)")
        #expect(!text.contains("not-the-pass-word"))
    }

    @Test func `a database that does not exist is told by name`() async throws {
        let server = try await PostgresServer.shared.value
        let text = try await unavailable(try server.url(database: "nowhere"))
        #expect(text.hasPrefix("postgresql: ") && text.contains("database \"nowhere\" does not exist"), "\(text)")
    }

    @Test func `an address where nobody listens is told, and calls in between fail at once`() async throws {
        let url = try #require(PostgresURL("postgresql://parley:sesame@127.0.0.1:\(try LoopbackPort.free())/parley"))
        let text = try await unavailable(url)
        #expect(text.hasPrefix("postgresql: ") && text.contains("Connection refused"), "\(text)")
        #expect(!text.contains("sesame"))
        try await withPool(url, connections: 1) { pool in
            let duration = await ContinuousClock().measure {
                for _ in 0..<200 { await #expect(throws: StoreError.self) { try await pool.check() } }
            }
            #expect(duration < .seconds(200), "each call that waited to connect again would take seconds")
        }
    }

    @Test func `an address is described without its password, and what is none is refused`() throws {
        let url = try #require(PostgresURL("postgresql://me:sesame@db.example:6543/parley?sslmode=require"))
        #expect("\(url)" == "postgresql://db.example:6543/parley" && String(reflecting: url) == "\(url)")
        var dumped = ""
        dump(url, to: &dumped)
        #expect(dumped.contains("db.example") && !dumped.contains("sesame"))
        #expect(url.redacted("failed:\n \"sesame\"") == "failed:;  \"…\"")
        for text in ["", "mysql://a/b", "postgresql://[::1", "postgresql://h/d?nonsense=1", "host=localhost"] {
            #expect(PostgresURL(text) == nil, "\(text)")
        }
    }

    private func unavailable(_ url: PostgresURL) async throws -> String {
        try await withPool(url, connections: 1) { pool in
            let error = await #expect(throws: StoreError.self) { try await pool.check() }
            guard case .unavailable(let text) = error else { throw Unexpected() }
            return text
        }
    }

    // MARK: Refusals

    @Test func `a refusal tells code, statement and constraint, and no values`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let media = Sample.media(owner: .random(), name: "secret-name")
            let store = PostgresMediaStore(pool, facts: NoFacts())
            try await store.register(media)
            await #expect(
                throws: StoreError.unexpected("postgresql: SQLSTATE 23505 in 'media.insert', constraint 'media_pkey'")
            ) { try await store.register(media) }
            #expect(try await store.media([media.id]).count == 1)
        }
    }

    @Test func `a statement that takes too long is given up, and the connection goes on`() async throws {
        var limits = PostgresLimits()
        limits.statementSeconds = 1
        try await withPool(try await TestDatabase().url, connections: 1, limits: limits) { pool in
            let error = await #expect(throws: StoreError.self) { _ = try await pool.text("SELECT pg_sleep(20)::text") }
            guard case .unavailable(let text) = error else { throw Unexpected() }
            #expect(text.hasPrefix("postgresql: the server cannot do it now (SQLSTATE 57014 in 'plain"))
            #expect(try await pool.text("SELECT 'on'") == "on")
        }
    }

    @Test func `a statement that is refused takes the others of its round trip with it`() async throws {
        try await withPool(try await TestDatabase().url, connections: 1) { pool in
            let insert = PostgresStatement("insert", "INSERT INTO token_revocations VALUES ($1, $2)")
            let user = UserID.random()
            let calls = (0..<3).map { _ in insert(.id(user), .timestamp(Sample.start)) }
            await #expect(throws: StoreError.self) {
                try await pool.run { connection throws(PostgresFailure) in try connection.write(calls).count }
            }
            let count = try await pool.text("SELECT count(*)::text FROM token_revocations")
            #expect(count == "0")
        }
    }

    // MARK: Losing the connection

    private static let endItself = PostgresStatement("end", "SELECT pg_terminate_backend(pg_backend_pid())")

    @Test func `a connection lost in a write leaves it open, in a read or before COMMIT it does not`() async throws {
        try await withPool(try await TestDatabase().url, connections: 1) { pool in
            let written = await #expect(throws: StoreError.self) {
                try await pool.run { connection throws(PostgresFailure) in try connection.write(Self.endItself()).count }
            }
            guard case .outcomeUnknown = written else { throw Unexpected() }
            let read = await #expect(throws: StoreError.self) {
                try await pool.run { connection throws(PostgresFailure) in try connection.read(Self.endItself()).count }
            }
            guard case .unavailable = read else { throw Unexpected() }
            let undone = await #expect(throws: StoreError.self) {
                try await pool.run { connection throws(PostgresFailure) in
                    try connection.transaction { transaction throws(PostgresFailure) in try transaction.run(Self.endItself()).count }
                }
            }
            guard case .unavailable = undone else { throw Unexpected() }
            #expect(try await pool.text("SELECT 'back'") == "back")
        }
    }

    private struct Unexpected: Error {}

    @Test func `a server that stands still is given up in time`() async throws {
        var limits = PostgresLimits()
        limits.statementSeconds = 1
        limits.graceSeconds = 1
        try await withPool(try await TestDatabase().url, connections: 1, limits: limits) { pool in
            let process = try #require(pid_t(try await pool.text("SELECT pg_backend_pid()::text") ?? ""))
            try await halt(process)
            defer { kill(process, SIGCONT) }
            let duration = await ContinuousClock().measure {
                await #expect(throws: StoreError.unavailable("postgresql: the server did not answer in time")) { try await pool.check() }
            }
            #expect(duration > .seconds(1.9) && duration < .seconds(60))
            try await pool.check()
        }
    }

    @Test func `transactions that meet in a circle are tried again`() async throws {
        try await withPool(try await TestDatabase().url, connections: 2) { pool in
            let users = Sample.users(2)
            let store = PostgresTokenRevocationStore(pool)
            for user in users { try await store.revoke(user, before: Sample.start) }
            let touch = PostgresStatement("touch", "UPDATE token_revocations SET issued_before = issued_before + '1s' WHERE user_id = $1")
            let wait = PostgresStatement("wait", "SELECT pg_sleep(0.2)")
            _ = try await concurrently(2) { number in
                try await pool.run { connection throws(PostgresFailure) in
                    try connection.transaction { transaction throws(PostgresFailure) in
                        _ = try transaction.run([touch(.id(users[number])), wait(), touch(.id(users[1 - number]))])
                    }
                }
            }
            for user in users { #expect(try await store.revokedBefore(of: user) == Sample.time(2)) }
        }
    }

    // MARK: Killing the server

    @Test func `after kill -9 calls fail at once until the server is back, and nothing is half done`() async throws {
        let server = try await PostgresServer.start()
        let url = try await TestDatabase.makeEmpty(on: server, name: "killed")
        try await withPool(url, connections: 6) { pool in
            _ = try await PostgresMigrator(pool).migrate()
            let stores = StoreSubject(postgres: pool)
            let owner = UserID.random()
            let id = try await stores.group([owner])
            try server.kill()
            // What was under way may have happened or not; whatever comes after it is refused.
            _ = try await concurrently(12) { _ in
                for _ in 0..<20 {
                    _ = try? await stores.conversations.setRole(
                        of: .random(), in: id, to: .member, maxParticipants: 1000, at: Sample.start)
                }
            }
            // The server's children end one after the other, as they notice.
            try await eventually {
                for _ in 0..<30 where (try? await stores.conversations.exists(id)) != nil { return false }
                return true
            }
            let duration = await ContinuousClock().measure {
                for _ in 0..<50 {
                    let error = await #expect(throws: StoreError.self) { try await stores.conversations.exists(id) }
                    guard case .unavailable = error else {
                        Issue.record("\(String(describing: error))")
                        return
                    }
                }
            }
            #expect(duration < .seconds(100), "each call that waited to connect again would take seconds")
            try await server.restart()
            // Each connection finds out for itself that the server is back, and says until then that it is not.
            var counts: String?
            try await eventually {
                counts = try? await pool.text(
                    """
                    SELECT ((participant_count, version + 1) = (count, count))::text
                    FROM conversations, (SELECT count(*) FROM participants) AS counted
                    """)
                return counts != nil
            }
            #expect(counts == "true")
            try await eventually { (try? await stores.conversations.rename(id, to: "On")) == true }
        }
    }
}
