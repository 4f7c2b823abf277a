public import ParleyCore
import ParleyModel

/// What ``ParleyCore/DepartureLog`` promises to a node that was not told of a removal (P7).
public enum DepartureLogConformance {
    public static let cases: [ConformanceCase<any ConversationStore & DepartureLog>] = [
        ConformanceCase("who left since a time is found, and who left before is not") { store in
            let (users, ids) = try await groups(3, in: store)
            for (place, id) in ids.enumerated() {
                _ = try await store.remove(users[1], from: id, at: Sample.time(100 + Double(place)))
            }
            let found = try await store.departures(since: Sample.time(101), after: nil, limit: 10)
            let expected = (1...2).map { departure(users[1], ids[$0], 100 + Double($0)) }
            try checkEqual(found, expected, "the departures")
        },
        ConformanceCase("who is in again has not left") { store in
            let (users, ids) = try await groups(1, in: store)
            _ = try await store.remove(users[1], from: ids[0], at: Sample.time(100))
            _ = try await store.setRole(of: users[1], in: ids[0], to: .member, maxParticipants: 9, at: Sample.time(101))
            try checkEqual(try await store.departures(since: Sample.time(0), after: nil, limit: 10), [], "the departures")
            _ = try await store.remove(users[1], from: ids[0], at: Sample.time(102))
            let found = try await store.departures(since: Sample.time(0), after: nil, limit: 10)
            try checkEqual(found, [departure(users[1], ids[0], 102)], "the departures of who left a second time")
        },
        ConformanceCase("pages hold all departures once, oldest first, also those of the same moment") { store in
            let (users, ids) = try await groups(7, in: store)
            for (place, id) in ids.enumerated() {
                _ = try await store.remove(users[1], from: id, at: Sample.time(place < 2 ? 100 : 200))
            }
            var found: [Departure] = []
            while true {
                let page = try await store.departures(since: Sample.time(100), after: found.last, limit: 2)
                try check(page.count <= 2, "a page of at most 2, found \(page.count)")
                found += page
                if page.isEmpty { break }
            }
            try checkEqual(found.count, 7, "how many were found")
            try checkEqual(Set(found.map(\.conversationID)), Set(ids), "the conversations")
            try checkEqual(found.map(\.leftAt), found.map(\.leftAt).sorted(), "the times")
        },
    ]

    private static func departure(_ user: UserID, _ conversation: ConversationID, _ seconds: Double) -> Departure {
        Departure(userID: user, conversationID: conversation, leftAt: Sample.time(seconds))
    }

    /// Groups of the same two users.
    private static func groups(
        _ count: Int, in store: any ConversationStore
    ) async throws -> (users: [UserID], ids: [ConversationID]) {
        let users = Sample.users(2)
        let ids = (0..<count).map { _ in ConversationID.random() }
        for id in ids { try await store.createGroup(id: id, title: nil, creator: users[0], others: [users[1]], at: Sample.start) }
        return (users, ids)
    }
}
