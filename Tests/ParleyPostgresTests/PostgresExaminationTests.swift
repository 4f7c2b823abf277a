import ParleyCore
import ParleyEngineTesting
import ParleyEngines
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyPostgres

/// What `parley doctor` says of PostgreSQL.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct PostgresExaminationTests {
    @Test func `nothing is wrong with a database that is migrated but that the tests' server does not wait for its disk`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let bad = try await PostgresExamination(pool).findings().filter(\.isBad)
            #expect(bad.map(\.fact) == ["commits may be lost in a crash"])
        }
    }

    @Test func `a copy that is not finished is named, with what to do, until it is finished`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let copy = PostgresCopyTarget(pool, source: .random())
            _ = try await copy.begin().get()
            let finding = try await PostgresExamination(pool).findings().last { $0.isBad }
            #expect(finding?.fact.contains("a copy of a data folder was begun at") == true)
            #expect(finding?.verdict == .bad(advice: UnfinishedCopy.advice))
            try await copy.finish()
            #expect(try await UnfinishedCopy.find(in: pool) == nil)
            #expect(try await PostgresExamination(pool).findings().filter(\.isBad).count == 1)
        }
    }

    @Test func `missing steps are named, and nothing is made`() async throws {
        let url = try await TestDatabase.makeEmpty(on: try await PostgresServer.shared.value, name: "examined")
        try await withPool(url) { pool in
            let facts = try await PostgresExamination(pool).findings().filter(\.isBad).map(\.fact)
            #expect(facts.contains { $0.contains("steps of the schema are missing: 1 conversations and participants") })
            let tables = try await pool.text("SELECT count(*)::text FROM information_schema.tables WHERE table_schema = 'public'")
            #expect(tables == "0")
        }
    }
}

extension EngineFinding {
    fileprivate var isBad: Bool { if case .bad = verdict { true } else { false } }
}
