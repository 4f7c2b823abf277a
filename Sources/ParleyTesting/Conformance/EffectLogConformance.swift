import ParleyCore
import ParleyModel

/// What ``ParleyCore/EffectLog`` promises: nothing that was stored is ever missed by a reader of the log (P5).
public enum EffectLogConformance {
    public static let cases: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("in a new store nothing is due") { stores in
            try checkEqual(try await stores.effects.checkpoint(), .start, "the mark")
            try checkEqual(try await stores.effects.lastPosition(), .start, "the last position")
            try checkEqual(try await stores.effects.messages(after: .start, limit: 10), [], "the log")
        },
        ConformanceCase("the log holds every stored message once, in the order of storing, at the position of its outcome") {
            stores in
            let users = Sample.users(2)
            let conversations = [try await stores.group(users), try await stores.group(users)]
            var expected: [LoggedMessage] = []
            for round in 0..<5 {
                let batch = (0..<4).map { Sample.draft(in: conversations[$0 % 2], from: users[round % 2], "\(round).\($0)") }
                for outcome in try await stores.send(batch) {
                    let message = try checkPresent(outcome.storedMessage, "a stored message")
                    expected.append(LoggedMessage(message: message, position: try checkPresent(outcome.position, "a position")))
                }
                try checkEqual(try await stores.effects.lastPosition(), expected.last!.position, "the last position")
            }
            try checkAscending(expected)
            try check(expected[0].position > .start, "a first position after the start")
            try checkEqual(try await stores.effects.messages(after: .start, limit: 100), expected, "the log")
        },
        ConformanceCase("the log is read in pages") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let sent = try await stores.send(10, in: conversation, from: user)
            var read: [LoggedMessage] = []
            while true {
                let page = try await stores.effects.messages(after: read.last?.position ?? .start, limit: 3)
                if page.isEmpty { break }
                try check(page.count <= 3, "a page of at most 3, found \(page.count)")
                read += page
            }
            try checkEqual(read.map(\.message), sent, "the messages")
            let last = try await stores.effects.lastPosition()
            try checkEqual(read.last?.position, last, "the last position")
            try checkEqual(try await stores.effects.messages(after: last, limit: 3), [], "the log after its end")
        },
        ConformanceCase("repeats and refusals are not in the log") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let first = try await stores.send(Sample.draft(in: conversation, from: user, key: "k"))
            try await stores.send([
                Sample.draft(in: conversation, from: user, key: "k"), Sample.draft(in: .random(), from: user),
            ])
            try checkEqual(try await stores.effects.messages(after: .start, limit: 10).map(\.message), [first], "the log")
        },
        ConformanceCase("the mark moves forward and never back") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let positions = try await stores.sendLogged(3, in: conversation, from: user).map(\.position)
            for (target, expected) in [(positions[1], 1), (positions[0], 1), (.start, 1), (positions[1], 1), (positions[2], 2)] {
                try await stores.effects.advance(to: target)
                try checkEqual(try await stores.effects.checkpoint(), positions[expected], "the mark")
            }
        },
        ConformanceCase("marks moved at the same time end at the farthest") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let positions = try await stores.sendLogged(32, in: conversation, from: user).map(\.position)
            _ = try await concurrently(32) { try await stores.effects.advance(to: positions[($0 * 7) % 32]) }
            try checkEqual(try await stores.effects.checkpoint(), positions[31], "the mark")
        },
        ConformanceCase("the mark changes nothing in the log, and what follows it is what is due") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            let positions = try await stores.sendLogged(5, in: conversation, from: user).map(\.position)
            try await stores.effects.advance(to: positions[2])
            try checkEqual(try await stores.effects.messages(after: .start, limit: 9).map(\.position), positions, "the whole log")
            let mark = try await stores.effects.checkpoint()
            try checkEqual(
                try await stores.effects.messages(after: mark, limit: 9).map(\.position), Array(positions[3...]), "the due part")
        },
        ConformanceCase("a reader who follows the log while others write misses nothing (P5)") { stores in
            let users = Sample.users(2)
            let conversations = [try await stores.group(users), try await stores.group(users)]
            async let writing: [[AppendOutcome]] = concurrently(40) { number in
                try await stores.send([0, 1, 0].map { .sample(number, in: conversations[$0], from: users[number % 2]) })
            }
            var read: [LoggedMessage] = []
            while read.count < 120 {
                read += try await stores.effects.messages(after: read.last?.position ?? .start, limit: 7)
                await Task.yield()
            }
            let stored = try await writing.flatMap { $0 }.compactMap(\.storedMessage)
            try checkAscending(read)
            try checkEqual(Set(read.map(\.message.id)), Set(stored.map(\.id)), "the messages read")
            for conversation in conversations {
                let numbers = read.map(\.message).filter { $0.conversationID == conversation }.map(\.sequenceNumber)
                try checkEqual(numbers, Array(1...Int64(numbers.count)), "one conversation's numbers in the log")
            }
        },
    ]

    private static func checkAscending(_ log: [LoggedMessage]) throws {
        for (one, next) in zip(log, log.dropFirst()) {
            try check(
                one.position < next.position, "ascending positions, found \(one.position.value) before \(next.position.value)")
        }
    }
}
