import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyPostgres

/// Whose users are looked at again because their node is gone.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct LostNodeTests {
    private let living = NodeID(1)
    private let other = NodeID(2)
    private let lapsed = NodeID(3)
    private let taken = NodeID(4)
    private let unknown = NodeID(5)

    @Test func `nodes without a lease of their own are gone, with all their users and no others`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let (register, attendances) = (PostgresNodeRegister(pool), PostgresAttendanceStore(pool))
            for node in [living, other] { try await register.renew(node, dueFrom: 0, seconds: 600) }
            try await register.renew(taken, dueFrom: 0, seconds: 0)
            #expect(try await register.takeOver(by: living, seconds: 600)?.node == taken)
            // Not long enough ago: after an outage of PostgreSQL all leases have ended.
            try await register.renew(lapsed, dueFrom: 0, seconds: -5)
            var users: [NodeID: [UserID]] = [:]
            for node in [living, other, lapsed, taken, unknown] {
                users[node] = Sample.users(3)
                try await attendances.began(users[node] ?? [], at: node, since: Sample.start)
            }

            #expect(try await attendances.endedOfLostNodes(dueAt: Sample.time(60)) == 6)
            try await register.renew(lapsed, dueFrom: 0, seconds: -25)
            #expect(try await attendances.endedOfLostNodes(dueAt: Sample.time(60)) == 3)
            #expect(try await attendances.endedOfLostNodes(dueAt: Sample.time(60)) == 0)

            let due = try await attendances.leaseLooks(limit: 100, seconds: 60, at: Sample.time(60))
            #expect(Set(due.map(\.userID)) == Set([lapsed, taken, unknown].flatMap { users[$0] ?? [] }))
            #expect(due.allSatisfy { $0.seenUntil == nil && $0.since == Sample.start })
        }
    }

    @Test func `nodes that look at the same moment take different users`() async throws {
        try await withPool(try await TestDatabase().url, connections: 4) { pool in
            let attendances = PostgresAttendanceStore(pool)
            let users = Sample.users(200)
            let ends = users.map { EndedAttendance(userID: $0, since: Sample.start, seenUntil: Sample.start) }
            try await attendances.ended(ends, at: living, dueAt: Sample.start)
            let found = try await concurrently(8) { _ in
                try await attendances.leaseLooks(limit: 50, seconds: 60, at: Sample.time(1)).map(\.userID)
            }.flatMap { $0 }
            #expect(Set(found).count == found.count)
            let rest = try await attendances.leaseLooks(limit: 200, seconds: 60, at: Sample.time(1)).map(\.userID)
            #expect(Set(found + rest) == Set(users))
        }
    }
}
