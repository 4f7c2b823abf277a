import ParleyCore
import ParleyModel

extension MessageStoreConformance {
    static let keys: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("a key sent again gives the first message, whatever it says now (P3)") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let first = try await stores.send(Sample.draft(in: conversation, from: user, "First", key: "k"))
            try await stores.send(3, in: conversation, from: user)
            for content in ["First", "Another text"] {
                let outcomes = try await stores.send([Sample.draft(in: conversation, from: user, content, key: "k", type: .contact)]
                )
                try checkEqual(outcomes, [.repeated(first)], "the outcome of a repeat")
            }
            try checkEqual(try await stores.history(of: conversation, .newest).lastSequence, 4, "the last number")
        },
        ConformanceCase("a key repeated within a batch is stored once (P3)") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let outcomes = try await stores.send(
                ["a", "b", "a", nil, "b", "c", nil].map { Sample.draft(in: conversation, from: user, "Message", key: $0) })
            try checkEqual(outcomes.map { $0.storedMessage?.sequenceNumber }, [1, 2, nil, 3, nil, 4, 5], "the stored numbers")
            try checkEqual(outcomes[2].repeatedMessage, outcomes[0].storedMessage, "the first message of key a")
            try checkEqual(outcomes[4].repeatedMessage, outcomes[1].storedMessage, "the first message of key b")
        },
        ConformanceCase("64 tasks with one key store one message, and all get it (P3)") { stores in
            let users = Sample.users(2)
            let conversation = try await stores.group(users)
            let outcomes = try await concurrently(64) { number in
                try await stores.send([Sample.draft(in: conversation, from: users[0], "Message \(number)", key: "k")])[0]
            }
            let stored = outcomes.compactMap(\.storedMessage)
            try checkEqual(stored.count, 1, "stored messages")
            try checkEqual(outcomes.compactMap(\.repeatedMessage), Array(repeating: stored[0], count: 63), "the repeats")
            try checkEqual(try await stores.allMessages(of: conversation), stored, "the history")
            try checkEqual(try await stores.unread(conversation, users[1]), 1, "the unread count of the other user")
        },
        ConformanceCase("the same batch from many tasks stores each of its keys once (P3)") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let batch = (0..<10).map { Sample.draft(in: conversation, from: user, "Message \($0)", key: "key \($0)") }
            let answers = try await concurrently(16) { task in
                try await stores.send(task % 2 == 0 ? batch : batch.reversed()).map { $0.storedMessage ?? $0.repeatedMessage }
            }
            let history = try await stores.allMessages(of: conversation)
            try checkEqual(history.map(\.sequenceNumber), Array(1...10), "the numbers")
            for (task, messages) in answers.enumerated() {
                let keys = messages.compactMap { $0?.clientMessageID }
                try checkEqual(keys, (task % 2 == 0 ? batch : batch.reversed()).compactMap(\.clientMessageID), "the answered keys")
                try checkEqual(Set(messages.compactMap { $0?.id }), Set(history.map(\.id)), "the answered messages")
            }
        },
        ConformanceCase("a key of another sender or in another conversation is another key") { stores in
            let users = Sample.users(2)
            let (one, other) = (try await stores.group(users), try await stores.group(users))
            let batch = [(one, 0), (one, 1), (other, 0), (other, 1)].map { Sample.draft(in: $0.0, from: users[$0.1], key: "k") }
            try checkEqual(
                try await stores.send(batch).compactMap { $0.storedMessage?.sequenceNumber }, [1, 2, 1, 2], "the numbers")
        },
        ConformanceCase("keys that differ in a single byte are different keys") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let long = String(repeating: "x", count: 63)
            let keys = [
                "key", "Key", "KEY", "key ", " key", "1", "01", "1.0", "1e0", "\u{E9}", "e\u{301}", "NULL", "%", "_", "'", "\"",
                "\u{1}",
                long + "a", long + "b", String(repeating: "👩‍👩‍👧", count: 12),
            ]
            for key in keys {
                let stored = try await stores.send(Sample.draft(in: conversation, from: user, "Message", key: key))
                try checkSameBytes(stored.clientMessageID ?? "", key, "the key of the stored message")
            }
            for (place, key) in keys.enumerated() {
                let outcome = try await stores.send([Sample.draft(in: conversation, from: user, "Message", key: key)])[0]
                try checkEqual(outcome.repeatedMessage?.sequenceNumber, Int64(place) + 1, "the first message of key '\(key)'")
            }
        },
        ConformanceCase("messages without a key are all stored") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            try checkEqual(
                try await stores.send(5, in: conversation, from: user).map(\.clientMessageID), [nil, nil, nil, nil, nil], "keys")
        },
        ConformanceCase("a message is found by its sender's key, and only so") { stores in
            let users = Sample.users(2)
            let conversation = try await stores.group(users)
            try await stores.send(Sample.draft(in: conversation, from: users[0]))
            let sent = try await stores.send(Sample.draft(in: conversation, from: users[0], key: "k"))
            let store = stores.messages
            try checkEqual(try await store.message(in: conversation, from: users[0], clientMessageID: "k"), sent, "the message")
            try checkEqual(try await store.message(in: conversation, from: users[0], clientMessageID: "K"), nil, "another key")
            try checkEqual(try await store.message(in: conversation, from: users[1], clientMessageID: "k"), nil, "another sender")
            try checkEqual(
                try await store.message(in: .random(), from: users[0], clientMessageID: "k"), nil, "another conversation")
        },
    ]

    static let contents: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("contents come back byte for byte") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let contents = [
                "", " ", "Hello", "line\nline\r\nline", "\t\u{1}\u{7F}\u{FEFF}", "'); DROP TABLE messages; --",
                "\\ \" ' %s {} ?1 :a",
                "👩‍👩‍👧‍👦🏳️‍🌈🇨🇭👍🏽", "\u{E9} e\u{301}", "שלום مرحبا 你好", "\u{10FFFF}", "007", "1e5", "NULL",
                String(repeating: "a", count: 10_000), String(repeating: "👩", count: 10_000),
            ]
            for content in contents { try await stores.send(Sample.draft(in: conversation, from: user, content)) }
            for (message, content) in zip(try await stores.allMessages(of: conversation), contents) {
                try checkSameBytes(message.content, content, "the content of message \(message.sequenceNumber)")
            }
        },
        ConformanceCase("every part of a message comes back, in the outcome, the history and the log") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let media = (0..<10).map { _ in Sample.media(owner: user) }
            for medium in media { try await stores.media.register(medium) }
            let types = ["text", "image", "video", "audio", "document", "location", "contact", "x", "acme.poll_v2-beta"]
            let batch = types.enumerated().map { place, type in
                Sample.draft(
                    in: conversation, from: user, "Message \(place)", key: place % 2 == 0 ? "key \(place)" : nil,
                    type: MessageType(rawValue: type)!, mediaIDs: Array(media.map(\.id).shuffled().prefix(place)),
                    at: Timestamp(milliseconds: Sample.start.milliseconds + Int64(place)))
            }
            let expected = batch.enumerated().map { $1.numbered(Int64($0) + 1) }
            try checkEqual(try await stores.send(batch).map(\.storedMessage), expected, "the outcomes")
            try checkEqual(try await stores.allMessages(of: conversation), expected, "the history")
            try checkEqual(try await stores.effects.messages(after: .start, limit: 100).map(\.message), expected, "the log")
            for message in expected {
                guard let key = message.clientMessageID else { continue }
                let found = try await stores.messages.message(in: conversation, from: user, clientMessageID: key)
                try checkEqual(found, message, "the message found by its key")
            }
        },
    ]

    /// Equal as bytes; Swift's own comparison holds different spellings of a character for equal.
    private static func checkSameBytes(_ found: String, _ expected: String, _ message: String, line: UInt = #line) throws {
        try check(
            found.utf8.elementsEqual(expected.utf8), "\(message): found '\(found.prefix(40))', expected '\(expected.prefix(40))'",
            line: line)
    }
}
