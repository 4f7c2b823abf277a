import HTTPTypes
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

/// Many at once, through the router: the promises hold whoever comes first.
@Suite(.timeLimit(.minutes(2)))
struct RaceTests {
    @Test func `64 creates with one client_message_id make one message (P3)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 1...64 {
                    group.addTask { try await parley.call(.post, path + "/messages", as: ada, Body.text("Hello", key: "key")) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 201 } == 1)
            #expect(answers.count { $0.status == 200 } == 63)
            #expect(Set(answers.map(\.bytes)).count == 1)
            #expect(try await parley.numbers(path) == [1])
            #expect(try await parley.call(.get, path, as: ben)["unread_count"] == 1)
        }
    }

    @Test func `of many creates with one key and different contents one is stored, the others repeat it or are refused (P3)`() async throws
    {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let answers = try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
                for number in 0..<64 {
                    group.addTask {
                        (number % 4, try await parley.call(.post, path + "/messages", as: ada, Body.text("\(number % 4)", key: "key")))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let (winner, first) = try #require(answers.first { $0.1.status == 201 })
            for (content, answer) in answers where content == winner { #expect(answer.bytes == first.bytes) }
            for (content, answer) in answers where content != winner { expect(answer, refuses: .clientMessageIDReused) }
            #expect(answers.count { $0.1.status == 201 } == 1)
            #expect(try await parley.numbers(path) == [1])
        }
    }

    @Test func `64 creates of one direct conversation make one`() async throws {
        try await Parley.run { parley in
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for number in 1...64 {
                    let (one, other) = number.isMultiple(of: 2) ? (ada, ben) : (ben, ada)
                    group.addTask {
                        try await parley.call(.post, "/v1/conversations", as: one, ["type": "direct", "participant_ids": .ids([other])])
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 201 } == 1)
            #expect(answers.count { $0.status == 200 } == 63)
            #expect(Set(answers.compactMap { $0["id"]?.text }).count == 1)
            for user in [ada, ben] { #expect(try await parley.call(.get, "/v1/conversations", as: user).conversationIDs.count == 1) }
        }
    }

    @Test func `who reads while others send sees every page without a gap (P2)`() async throws {
        try await Parley.run { parley in
            let senders = Sample.users(8)
            let path = try await parley.group(senders)
            let total = senders.count * 40
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in senders {
                    group.addTask { for _ in 1...40 { try await parley.send(in: path, as: sender) } }
                }
                for reader in senders.prefix(4) {
                    group.addTask { try await Self.follow(path, of: parley, to: total, as: reader) }
                    group.addTask { try await Self.watch(path, of: parley, to: total, as: reader) }
                }
                try await group.waitForAll()
            }
            for sender in senders {
                let marked = try await parley.call(.put, path + "/read", as: sender, ["sequence_number": 100])
                let rest = try await parley.call(.get, path + "/messages?limit=200&after_sequence=100", as: sender)["messages"]?.items ?? []
                let more = try await parley.call(.get, path + "/messages?limit=200&after_sequence=300", as: sender)["messages"]?.items ?? []
                let unread = (rest + more).count { $0["sender_id"] != .id(sender) }
                #expect(marked["unread_count"] == .integer(Int64(unread)), "counts are true (P4)")
            }
        }
    }

    /// Reads on from the last number seen until all are.
    private static func follow(_ path: String, of parley: Parley, to total: Int, as user: UserID) async throws {
        var seen: Int64 = 0
        while seen < total {
            let page = try await parley.call(.get, path + "/messages?limit=17&after_sequence=\(seen)", as: user)
            let numbers = page.messageNumbers
            try #require(page.status == 200)
            try #require(numbers == Array(seen + 1..<seen + 1 + Int64(numbers.count)))
            try #require(page["last_sequence"]?.whole ?? 0 >= numbers.last ?? seen)
            #expect(page["has_more"] == .bool((page["last_sequence"]?.whole ?? 0) > seen + Int64(numbers.count)))
            seen += Int64(numbers.count)
            await Task.yield()
        }
    }

    /// Looks at the newest page until it is the last one.
    private static func watch(_ path: String, of parley: Parley, to total: Int, as user: UserID) async throws {
        var last: Int64 = 0
        while last < total {
            let page = try await parley.call(.get, path + "/messages?limit=200", as: user)
            let numbers = page.messageNumbers
            let newest = try #require(page["last_sequence"]?.whole)
            try #require(newest >= last)
            try #require(numbers == Array(max(1, newest - 199)..<newest + 1))
            let view = try await parley.call(.get, path, as: user)
            try #require(view["last_sequence"]?.whole ?? -1 >= 0)
            last = newest
            await Task.yield()
        }
    }

    @Test func `a participant who is removed while messages flow sends and sees nothing more (P7)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group([ben, cleo])
            let course = RemovalCourse()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...4 {
                    group.addTask {
                        // Goes on until it has been refused ten times after the removal.
                        var refusals = 0
                        while refusals < 10, !Task.isCancelled {
                            let isAfter = course.isRemoved
                            let answer = try await parley.call(.post, path + "/messages", as: ben, Body.text("from Ben"))
                            if answer.status == 201 {
                                try #require(!isAfter, "accepted after the removal")
                                course.accepted(try answer.string("id"))
                            } else {
                                expect(answer, refuses: .notAParticipant)
                                if isAfter { refusals += 1 }
                            }
                        }
                    }
                    group.addTask {
                        var refusals = 0
                        while refusals < 10, !Task.isCancelled {
                            let isAfter = course.isRemoved
                            for route in [path + "/messages", path, path + "/participants"] {
                                let answer = try await parley.call(.get, route, as: ben)
                                if answer.status == 200 {
                                    try #require(!isAfter, "seen after the removal")
                                    course.saw()
                                } else {
                                    expect(answer, refuses: .notAParticipant)
                                }
                            }
                            let list = try await parley.call(.get, "/v1/conversations", as: ben)
                            if isAfter { try #require(list.conversationIDs.isEmpty, "listed after the removal") }
                            if isAfter { refusals += 1 }
                        }
                    }
                }
                group.addTask {
                    for _ in 1...100 { try await parley.send("from Cleo", in: path, as: cleo) }
                }
                // Both have been at it for a while.
                while course.acceptedIDs.count < 50 || course.sightings < 10 {
                    try Task.checkCancellation()
                    await Task.yield()
                }
                let answer = try await parley.call(.delete, path + "/participants/\(ben)", as: ada)
                #expect(answer.status == 204)
                course.remove()
                try await group.waitForAll()
            }
            var messages: [JSONValue] = []
            while true {
                let page = try await parley.call(.get, path + "/messages?limit=200&after_sequence=\(messages.count)", as: ada)
                messages += page["messages"]?.items ?? []
                if page["has_more"] != true { break }
            }
            #expect(messages.compactMap { $0["sequence_number"]?.whole } == Array(1...Int64(messages.count)))
            let bens = messages.filter { $0["sender_id"] == .id(ben) }.compactMap { $0["id"]?.text }
            #expect(Set(bens) == Set(course.acceptedIDs))
            #expect(messages.count == bens.count + 100)
        }
    }

    @Test func `owners who step down at once leave one behind`() async throws {
        try await Parley.run { parley in
            let users = Sample.users(8)
            let path = try await parley.group(users, roles: Dictionary(uniqueKeysWithValues: users.map { ($0, .owner) }))
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for user in users + [ada] {
                    group.addTask { try await parley.call(.put, path + "/participants/\(user)", as: user, ["role": "member"]) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 200 } == 8)
            for answer in answers where answer.status != 200 { expect(answer, refuses: .lastOwner) }
            let roles =
                try await parley.call(.get, path + "/participants", as: ada)["participants"]?.items.compactMap { $0["role"]?.text } ?? []
            #expect(roles.count { $0 == "owner" } == 1)
        }
    }

    @Test func `markers that many devices move at once end at the highest (P4)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            for _ in 1...30 { try await parley.send(in: path) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in (1...30).shuffled() {
                    group.addTask {
                        let answer = try await parley.call(.put, path + "/read", as: ben, ["sequence_number": .integer(Int64(number))])
                        let marker = try #require(answer["last_read_sequence"]?.whole)
                        #expect(marker >= number)
                        #expect(answer["unread_count"] == .integer(30 - marker))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await parley.call(.get, path, as: ben)["last_read_sequence"] == 30)
        }
    }
}

/// What happened around a removal, as several tasks saw it.
private final class RemovalCourse: Sendable {
    private struct State {
        var isRemoved = false
        var acceptedIDs: [String] = []
        var sightings = 0
    }

    private let state = Mutex(State())

    var isRemoved: Bool { state.withLock { $0.isRemoved } }
    var acceptedIDs: [String] { state.withLock { $0.acceptedIDs } }
    var sightings: Int { state.withLock { $0.sightings } }

    func remove() { state.withLock { $0.isRemoved = true } }
    func accepted(_ id: String) { state.withLock { $0.acceptedIDs.append(id) } }
    func saw() { state.withLock { $0.sightings += 1 } }
}
