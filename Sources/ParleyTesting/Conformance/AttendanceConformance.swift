public import ParleyCore
import ParleyModel

/// Attendances with the stores whose facts they need.
public struct AttendanceSubject: Sendable {
    public let stores: StoreSubject
    public let attendances: any AttendanceStore

    public init(stores: StoreSubject, attendances: any AttendanceStore) {
        self.stores = stores
        self.attendances = attendances
    }
}

/// What ``ParleyCore/AttendanceStore`` promises. Times are seconds from ``Sample/start``.
public enum AttendanceConformance {
    private static let node = NodeID(0xA1)
    private static let other = NodeID(0xB2)

    public static let cases: [ConformanceCase<AttendanceSubject>] =
        looks + [
            ConformanceCase("conversations with unread messages of others are found from the beginning of the look on") { subject in
                let users = Sample.users(2)
                let stores = subject.stores
                let unread = try await stores.group(users)
                let read = try await stores.group(users)
                let own = try await stores.group(users)
                let old = try await stores.group(users)
                let empty = try await stores.group(users)
                for conversation in [unread, read] {
                    try await stores.send((0..<3).map { .sample(100 + $0, in: conversation, from: users[0]) })
                }
                try await stores.send([.sample(100, in: own, from: users[1])])
                try await stores.send([.sample(1, in: old, from: users[0])])
                _ = try await stores.conversations.advanceRead(of: users[1], in: read, to: 3, at: Sample.time(103))
                _ = try await stores.conversations.advanceRead(of: users[1], in: unread, to: 1, at: Sample.time(103))
                _ = try await stores.conversations.advanceDelivered(of: users[1], in: unread, to: 2, at: Sample.time(103))

                let found = try await subject.attendances.unread(in: [look(users[1], since: 50), look(.random(), since: 0)])
                let expected = UnreadConversation(
                    userID: users[1], conversationID: unread, lastReadSequence: 1, lastDeliveredSequence: 2)
                try checkEqual(found, [expected], "what is unread; nothing in \([read, own, old, empty])")
                let all = try await subject.attendances.unread(in: [look(users[1], since: 0)])
                try checkEqual(Set(all.map(\.conversationID)), [unread, old], "what is unread since the beginning")
            }
        ]

    private static let looks: [ConformanceCase<AttendanceSubject>] = [
        ConformanceCase("who is there is not due, and who has gone is when the time has come") { subject in
            let users = Sample.users(2)
            try await subject.attendances.began(users, at: node, since: Sample.time(10))
            try checkEqual(try await subject.due(at: 1000), [], "what is due while both are there")
            try await subject.attendances.ended([end(users[0], since: 10, seenUntil: 30)], at: node, dueAt: Sample.time(100))
            try checkEqual(try await subject.due(at: 99), [], "what is due too early")
            let found = try await subject.due(at: 100)
            try checkEqual(found, [look(users[0], since: 10, seenUntil: 30, leasedUntil: 160)], "what is due")
            try checkEqual(try await subject.due(at: 159), [], "what is due during the lease")
            try checkEqual(try await subject.due(at: 160).map(\.userID), [users[0]], "what is due after the lease")
        },
        ConformanceCase("looks are handed out in pages, those that are due longest first") { subject in
            let users = Sample.users(5)
            for (place, user) in users.enumerated() {
                let due = Sample.time(100 - Double(place))
                try await subject.attendances.ended([end(user, since: 10, seenUntil: 30)], at: node, dueAt: due)
            }
            let first = try await subject.attendances.leaseLooks(limit: 3, seconds: 60, at: Sample.time(200))
            let second = try await subject.attendances.leaseLooks(limit: 3, seconds: 60, at: Sample.time(200))
            try checkEqual((first + second).map(\.userID), Array(users.reversed()), "the order")
            try checkEqual(first.count, 3, "a page")
        },
        ConformanceCase("who comes back is not due, and the next look begins where the first would have begun") { subject in
            let user = UserID.random()
            try await subject.attendances.began([user], at: node, since: Sample.time(10))
            try await subject.attendances.ended([end(user, since: 10, seenUntil: 30)], at: node, dueAt: Sample.time(100))
            try await subject.attendances.began([user], at: node, since: Sample.time(90))
            try checkEqual(try await subject.due(at: 1000), [], "what is due when they are back")
            try await subject.attendances.ended([end(user, since: 90, seenUntil: 95)], at: node, dueAt: Sample.time(200))
            let expected = look(user, since: 10, seenUntil: 95, leasedUntil: 260)
            try checkEqual(try await subject.due(at: 200), [expected], "what is due after the second end")
        },
        ConformanceCase("a look that is done is forgotten, and one that was overtaken is not") { subject in
            let users = Sample.users(3)
            for user in users {
                try await subject.attendances.ended([end(user, since: 10, seenUntil: 30)], at: node, dueAt: Sample.time(100))
            }
            let leased = try await subject.due(at: 100)
            try await subject.attendances.began([users[1]], at: node, since: Sample.time(110))
            try await subject.attendances.ended([end(users[2], since: 110, seenUntil: 115)], at: node, dueAt: Sample.time(170))
            try await subject.attendances.finishLooks(leased.map { ($0, .done) })
            try checkEqual(try await subject.due(at: 1000).map(\.userID), [users[2]], "who is due")
            let count = try await subject.attendances.ended(node: node, dueAt: Sample.time(2000))
            try checkEqual(count, 1, "who is still there")
        },
        ConformanceCase("who sits at another node is looked at when that ends, as far back") { subject in
            let user = UserID.random()
            try await subject.attendances.began([user], at: other, since: Sample.time(50))
            try await subject.attendances.ended([end(user, since: 10, seenUntil: 60)], at: node, dueAt: Sample.time(100))
            try await subject.attendances.finishLooks(try await subject.due(at: 100).map { ($0, .attendedElsewhere) })
            try checkEqual(try await subject.due(at: 1000), [], "what is due while they are there")
            try await subject.attendances.ended([end(user, since: 50, seenUntil: 90)], at: other, dueAt: Sample.time(1100))
            let found = try await subject.due(at: 1100)
            try checkEqual(found.map(\.since), [Sample.time(10)], "where the look begins")
            try checkEqual(found.map(\.node), [other], "whose it is")
        },
        ConformanceCase("what is carried over touches nobody else") { subject in
            let users = Sample.users(2)
            try await subject.attendances.began(users, at: other, since: Sample.time(50))
            try await subject.attendances.ended([end(users[0], since: 10, seenUntil: 60)], at: node, dueAt: Sample.time(100))
            try await subject.attendances.finishLooks(try await subject.due(at: 100).map { ($0, .attendedElsewhere) })
            try await subject.attendances.ended(node: other, dueAt: Sample.time(200))
            let found = try await subject.due(at: 200)
            let since = Dictionary(uniqueKeysWithValues: found.map { ($0.userID, $0.since) })
            try checkEqual(since, [users[0]: Sample.time(10), users[1]: Sample.time(50)], "where the looks begin")
        },
        ConformanceCase("all who sat at a node that is gone are due, with nothing known of what was seen") { subject in
            let users = Sample.users(3)
            try await subject.attendances.began([users[0], users[1]], at: node, since: Sample.time(10))
            try await subject.attendances.began([users[2]], at: other, since: Sample.time(10))
            try await subject.attendances.ended([end(users[1], since: 10, seenUntil: 30)], at: node, dueAt: Sample.time(90))
            let count = try await subject.attendances.ended(node: node, dueAt: Sample.time(100))
            try checkEqual(count, 1, "how many were there")
            let found = try await subject.due(at: 100)
            try checkEqual(found.map(\.userID), [users[1], users[0]], "who is due")
            try checkEqual(found.map(\.seenUntil), [Sample.time(30), nil], "what was seen")
        },
        ConformanceCase("an end counts also where the beginning was not written down") { subject in
            let user = UserID.random()
            try await subject.attendances.ended([end(user, since: 10, seenUntil: 30)], at: node, dueAt: Sample.time(100))
            try checkEqual(try await subject.due(at: 100).map(\.since), [Sample.time(10)], "the look")
        },
    ]

    private static func end(_ user: UserID, since: Double, seenUntil: Double) -> EndedAttendance {
        EndedAttendance(userID: user, since: Sample.time(since), seenUntil: Sample.time(seenUntil))
    }

    private static func look(_ user: UserID, since: Double, seenUntil: Double? = nil, leasedUntil: Double = 0) -> SecondLook {
        SecondLook(
            userID: user, node: node, since: Sample.time(since), seenUntil: seenUntil.map(Sample.time),
            leasedUntil: Sample.time(leasedUntil))
    }
}

extension AttendanceSubject {
    fileprivate func due(at seconds: Double) async throws -> [SecondLook] {
        try await attendances.leaseLooks(limit: 100, seconds: 60, at: Sample.time(seconds))
    }
}
