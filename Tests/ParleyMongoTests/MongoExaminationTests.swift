import Foundation
import ParleyEngineTesting
import ParleyEngines
import ParleyMongo
import ParleyTesting
import Testing

/// What `parley doctor` says of MongoDB.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct MongoExaminationTests {
    @Test func `a set of one member with all indexes can be used, and is doubtful`() async throws {
        try await withMongo { database, _ in
            let findings = try await MongoExamination(database).findings()
            #expect(findings.allSatisfy { !$0.isBad })
            #expect(findings.contains { $0.fact.hasPrefix("1 member with data") && $0.verdict != .good })
        }
    }

    @Test func `missing indexes are named, and none is made`() async throws {
        let url = try await MongoServer.shared.value.url("examined\(UUID().uuidString.prefix(8))")
        let database = try MongoDatabase(url: url)
        for _ in 0..<2 {
            let facts = try await MongoExamination(database).findings().filter(\.isBad).map(\.fact)
            #expect(facts.count == 1 && facts[0].contains("conversation_sequence"))
        }
        await close(database)
    }
}

extension EngineFinding {
    fileprivate var isBad: Bool { if case .bad = verdict { true } else { false } }
}
