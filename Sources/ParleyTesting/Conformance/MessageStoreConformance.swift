import ParleyCore
import ParleyModel

/// What ``ParleyCore/MessageStore`` promises: numbers (P2), keys (P3), contents that come back as they went in, histories.
public enum MessageStoreConformance {
    public static let cases: [ConformanceCase<StoreSubject>] = numbers + keys + contents + histories + random

    private static let numbers: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("messages are numbered 1, 2, 3 in each conversation on its own") { stores in
            let users = Sample.users(2)
            let (one, other) = (try await stores.group(users), try await stores.group(users))
            for number in 1...3 as ClosedRange<Int64> {
                try checkEqual(
                    try await stores.send(Sample.draft(in: one, from: users[0])).sequenceNumber, number, "the next number")
            }
            try checkEqual(try await stores.send(Sample.draft(in: other, from: users[1])).sequenceNumber, 1, "the first number")
        },
        ConformanceCase("a batch is numbered in its order, with an outcome for each message in the same order") { stores in
            let users = Sample.users(2)
            let (one, other) = (try await stores.group(users), try await stores.group(users))
            try await stores.send(2, in: one, from: users[0])
            let batch = [one, other, one, other, one].enumerated().map { place, conversation in
                Sample.draft(in: conversation, from: users[place % 2], "Message \(place)")
            }
            let stored = try await stores.send(batch).map { try checkPresent($0.storedMessage, "a stored message") }
            try checkEqual(stored.map(\.id), batch.map(\.id), "the ids of the outcomes")
            try checkEqual(stored.map(\.sequenceNumber), [3, 1, 4, 2, 5], "the numbers of the outcomes")
            try checkEqual(try await stores.allMessages(of: other), [stored[1], stored[3]], "the other conversation's history")
        },
        ConformanceCase("an empty batch has no outcomes") { stores in
            try checkEqual(try await stores.messages.append([]), [], "the outcomes")
        },
        ConformanceCase("a message of an unknown conversation is refused and its neighbours in the batch are stored") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let unknown = ConversationID.random()
            let batch = [conversation, unknown, conversation, unknown].map {
                Sample.draft(in: $0, from: user, key: $0 == unknown ? "k" : nil)
            }
            let outcomes = try await stores.send(batch)
            try checkEqual(outcomes.map { $0.storedMessage?.sequenceNumber }, [1, nil, 2, nil], "the stored numbers")
            try checkEqual(outcomes[1], .noConversation, "the outcome in an unknown conversation")
            try checkEqual(outcomes[3], .noConversation, "the outcome of its repeat")
            try checkEqual(try await stores.allMessages(of: unknown), [], "the unknown conversation's history")
            try checkEqual(
                try await stores.messages.message(in: unknown, from: user, clientMessageID: "k"), nil,
                "the message of a refused key")
        },
        ConformanceCase("64 appends at the same time are numbered 1 to 64 without holes (P2)") { stores in
            let users = Sample.users(4)
            let conversation = try await stores.group(users)
            let sent = try await concurrently(64) { number in
                try await stores.send(Sample.draft(in: conversation, from: users[number % 4], "Message \(number)"))
            }
            try checkEqual(sent.map(\.sequenceNumber).sorted(), Array(1...64), "the numbers")
            let history = try await stores.allMessages(of: conversation)
            try checkEqual(history, sent.sorted { $0.sequenceNumber < $1.sequenceNumber }, "the history")
        },
        ConformanceCase("batches at the same time over the same conversations leave no holes (P2)") { stores in
            let users = Sample.users(2)
            let conversations = [try await stores.group(users), try await stores.group(users), try await stores.group(users)]
            _ = try await concurrently(24) { task in
                let batch = (0..<9).map { Sample.draft(in: conversations[(task + $0) % 3], from: users[task % 2], "\(task).\($0)") }
                let stored = try await stores.send(batch).map { try checkPresent($0.storedMessage, "a stored message") }
                for conversation in conversations {
                    let numbers = stored.filter { $0.conversationID == conversation }.map(\.sequenceNumber)
                    try checkEqual(numbers, numbers.sorted(), "the numbers of one batch in one conversation")
                }
            }
            for conversation in conversations {
                let history = try await stores.allMessages(of: conversation)
                try checkEqual(history.map(\.sequenceNumber), Array(1...72), "the numbers")
                try checkEqual(Set(history.map(\.id)).count, 72, "different messages")
            }
        },
        ConformanceCase("a reader who sees a number sees every lower one, while others write (P2)") { stores in
            let users = Sample.users(2)
            let conversation = try await stores.group(users)
            async let writing: [Message] = concurrently(40) { number in
                try await stores.send(Sample.draft(in: conversation, from: users[0], "Message \(number)"))
            }
            var seen: Int64 = 0
            while seen < 40 {
                let history = try await stores.history(of: conversation, .newest)
                try checkEqual(history.messages.map(\.sequenceNumber), Array(1..<(history.lastSequence + 1)), "the numbers seen")
                try check(
                    history.lastSequence >= seen, "a last number that does not go back from \(seen) to \(history.lastSequence)")
                seen = history.lastSequence
                await Task.yield()
            }
            _ = try await writing
        },
    ]

    private static let random: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("random appends give what a list and a table of keys give (P2, P3)") { stores in
            try await withSeed { random in
                let users = Sample.users(3)
                let conversations = [try await stores.group(users), try await stores.group(users)]
                var model = NaiveMessages(conversations: conversations)
                for _ in 0..<60 {
                    let batch = (0..<random.number(1...8)).map { _ in
                        Sample.draft(
                            in: random.oneIn(12) ? .random() : random.pick(conversations), from: random.pick(users),
                            "Message \(random.number(0...99))", key: random.oneIn(3) ? nil : "key \(random.number(0...40))")
                    }
                    let found = try await stores.send(batch).map(NaiveOutcome.init)
                    try checkEqual(found, model.append(batch), "the outcomes")
                }
                for conversation in conversations {
                    try checkEqual(try await stores.allMessages(of: conversation), model.messages[conversation]!, "the history")
                }
            }
        },
        ConformanceCase("random histories are what a filter over all messages gives") { stores in
            try await withSeed { random in
                let user = Sample.users(1)[0]
                let conversation = try await stores.group([user])
                let all = try await stores.send(random.number(1...60), in: conversation, from: user)
                for _ in 0..<80 {
                    let number = Int64(random.number(-3...all.count + 3))
                    let limit = random.number(1...70)
                    let after = try await stores.history(of: conversation, .after(number), limit: limit)
                    let wantedAfter = all.filter { $0.sequenceNumber > number }
                    try checkEqual(after.messages, Array(wantedAfter.prefix(limit)), "after \(number), limit \(limit)")
                    try checkEqual(after.hasMore, wantedAfter.count > limit, "has more after \(number), limit \(limit)")
                    let before = try await stores.history(of: conversation, .before(number), limit: limit)
                    let wantedBefore = all.filter { $0.sequenceNumber < number }
                    try checkEqual(before.messages, Array(wantedBefore.suffix(limit)), "before \(number), limit \(limit)")
                    try checkEqual(before.hasMore, wantedBefore.count > limit, "has more before \(number), limit \(limit)")
                }
            }
        },
    ]
}

/// An outcome without its position, which is each store's own.
private enum NaiveOutcome: Equatable {
    case stored(Message)
    case repeated(Message)
    case noConversation

    init(_ outcome: AppendOutcome) {
        switch outcome {
        case .stored(let message, _): self = .stored(message)
        case .repeated(let message): self = .repeated(message)
        case .noConversation: self = .noConversation
        }
    }
}

/// What a message store does, in the fewest words.
private struct NaiveMessages {
    var messages: [ConversationID: [Message]]

    init(conversations: [ConversationID]) {
        messages = Dictionary(uniqueKeysWithValues: conversations.map { ($0, []) })
    }

    mutating func append(_ batch: [NewMessage]) -> [NaiveOutcome] {
        batch.map { new in
            guard let before = messages[new.conversationID] else { return .noConversation }
            let isRepeated = { (old: Message) in old.senderID == new.senderID && old.clientMessageID == new.clientMessageID }
            if new.clientMessageID != nil, let first = before.first(where: isRepeated) { return .repeated(first) }
            let message = new.numbered(Int64(before.count) + 1)
            messages[new.conversationID] = before + [message]
            return .stored(message)
        }
    }
}
