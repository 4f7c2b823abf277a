import ParleyCore
import ParleyModel

extension ConversationStoreConformance {
    static let lists: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("a list shows the newest activity first: the last message, or the making of the conversation") { stores in
            let users = Sample.users(2)
            let store = stores.conversations
            let first = try await stores.group(users, at: Sample.time(10))
            let second = try await stores.direct(users[0], users[1], at: Sample.time(20))
            let third = try await stores.group(users, at: Sample.time(30))
            func order() async throws -> [ConversationID] {
                try await store.list(for: users[1], limit: 10, cursor: nil).views.map(\.conversation.id)
            }
            try checkEqual(try await order(), [third, second, first], "the order by making")
            try await stores.send(Sample.draft(in: first, from: users[0], at: Sample.time(40)))
            try checkEqual(try await order(), [first, third, second], "the order after a message")
            try await stores.send(Sample.draft(in: second, from: users[1], at: Sample.time(50)))
            try checkEqual(try await order(), [second, first, third], "the order after an own message")
            _ = try await store.advanceRead(of: users[1], in: first, to: 1)
            _ = try await store.rename(third, to: "Another title")
            try checkEqual(try await order(), [second, first, third], "the order after reading and renaming")
        },
        ConformanceCase("a list shows each conversation as its view does") { stores in
            let users = Sample.users(3)
            let store = stores.conversations
            for number in 0..<6 {
                let id = try await stores.group(Array(users.shuffled()), title: "Group \(number)", at: Sample.time(Double(number)))
                try await stores.send(number, in: id, from: users[number % 3])
                _ = try await store.advanceRead(of: users[0], in: id, to: Int64(number / 2))
                if number == 3 { _ = try await store.setMute(.forever, for: users[0], in: id) }
            }
            for user in users {
                for listed in try await stores.pages(of: user, limit: 4) {
                    try checkEqual(listed, try await stores.view(listed.conversation.id, user), "the listed view")
                }
            }
        },
        ConformanceCase("a user without conversations has an empty list") { stores in
            let page = try await stores.conversations.list(for: .random(), limit: 10, cursor: nil)
            try check(page.views.isEmpty && page.nextCursor == nil, "an empty page without a cursor")
        },
        ConformanceCase("pages of any size show the same list, and the last one has no cursor") { stores in
            let user = Sample.users(1)[0]
            for number in 0..<6 { _ = try await stores.group([user], at: Sample.time(Double(number))) }
            let whole = try await stores.conversations.list(for: user, limit: 10, cursor: nil)
            try checkEqual(whole.nextCursor, nil, "the cursor of the whole list")
            for limit in 1...7 {
                try checkEqual(try await stores.pages(of: user, limit: limit), whole.views, "the list in pages of \(limit)")
            }
            try checkEqual(
                try await stores.conversations.list(for: user, limit: 6, cursor: nil).nextCursor, nil, "a page that just fits")
        },
        ConformanceCase("conversations of the same moment are each listed once") { stores in
            let users = Sample.users(2)
            var ids: Set<ConversationID> = []
            for number in 0..<9 {
                let id = try await stores.group(users)
                ids.insert(id)
                if number % 3 == 0 { try await stores.send(Sample.draft(in: id, from: users[0])) }
            }
            for limit in 1...4 {
                let listed = try await stores.pages(of: users[1], limit: limit).map(\.conversation.id)
                try checkEqual(listed.count, 9, "the length of the list in pages of \(limit)")
                try checkEqual(Set(listed), ids, "the list in pages of \(limit)")
            }
        },
        ConformanceCase("paging while messages arrive visits each conversation exactly once") { stores in
            let users = Sample.users(2)
            var ids: [ConversationID] = []
            for number in 0..<10 { ids.append(try await stores.group(users, at: Sample.time(Double(number)))) }
            // Newest first: the first page shows 9, 8, 7. A message then moves 0 and 4 up, which are yet to come, and 8, which was shown.
            var second = 100.0
            let visited = try await stores.pages(of: users[0], limit: 3) {
                for place in [0, 4, 8] {
                    try await stores.send(Sample.draft(in: ids[place], from: users[1], at: Sample.time(second)))
                    second += 1
                }
            }
            try checkEqual(
                visited.map(\.conversation.id), ids.reversed(), "the conversations, in the order of the first page's moment")
        },
        ConformanceCase("pages show the counts of now, though the order is that of the first page") { stores in
            let users = Sample.users(2)
            let older = try await stores.group(users, at: Sample.time(1))
            let newer = try await stores.group(users, at: Sample.time(2))
            let views = try await stores.pages(of: users[0], limit: 1) { try await stores.send(2, in: older, from: users[1]) }
            try checkEqual(views.map(\.conversation.id), [newer, older], "the conversations")
            try checkEqual(views.last?.readState.unreadCount, 2, "the unread count")
        },
        ConformanceCase("random activity while paging neither skips nor repeats") { stores in
            try await withSeed { random in
                let users = Sample.users(2)
                var ids: [ConversationID] = []
                for _ in 0..<random.number(1...25) {
                    ids.append(try await stores.group(users, at: Sample.time(Double(random.number(0...9)))))
                }
                for _ in 0..<random.number(0...20) {
                    try await stores.send(
                        Sample.draft(in: random.pick(ids), from: users[1], at: Sample.time(Double(random.number(10...19)))))
                }
                let initial = Set(ids)
                var second = 20.0
                var generator = random
                let visited = try await stores.pages(of: users[0], limit: random.number(1...6)) {
                    for _ in 0..<generator.number(0...5) {
                        if generator.oneIn(4) { ids.append(try await stores.group(users, at: Sample.time(second))) }
                        try await stores.send(Sample.draft(in: generator.pick(ids), from: users[1], at: Sample.time(second)))
                        second += Double(generator.number(0...1))
                    }
                }
                let found = visited.map(\.conversation.id)
                try checkEqual(Set(found).count, found.count, "conversations without repeats")
                try checkEqual(found.filter(initial.contains).count, initial.count, "those of the first page's moment")
            }
        },
        ConformanceCase("leaving a conversation while paging hides that one only") { stores in
            let users = Sample.users(2)
            var ids: [ConversationID] = []
            for number in 0..<6 {
                ids.append(try await stores.group([users[1], users[0]], at: Sample.time(Double(number))))
            }
            var left: [ConversationID] = [ids[1], ids[5], ids[3]]
            let visited = try await stores.pages(of: users[0], limit: 2) {
                if let next = left.popLast() { _ = try await stores.conversations.remove(users[0], from: next) }
            }
            // 5 and 4 were shown; 3 went before it was shown, 5 after.
            try checkEqual(visited.map(\.conversation.id), [ids[5], ids[4], ids[2], ids[1], ids[0]], "the conversations")
        },
        ConformanceCase("a cursor can be used again") { stores in
            let users = Sample.users(1)
            for number in 0..<5 { _ = try await stores.group(users, at: Sample.time(Double(number))) }
            let first = try await stores.conversations.list(for: users[0], limit: 2, cursor: nil)
            let second = try await stores.conversations.list(for: users[0], limit: 2, cursor: first.nextCursor)
            let again = try await stores.conversations.list(for: users[0], limit: 2, cursor: first.nextCursor)
            try checkEqual(again.views, second.views, "the page")
            try checkEqual(again.nextCursor, second.nextCursor, "its cursor")
        },
    ]
}
