import Foundation
import ParleyCore
import ParleyModel
import ParleyProcesses
import ParleyRedis
import ParleyTesting
import Synchronization
import Testing

@Suite(.engineTurns, .timeLimit(.minutes(15)), .serialized)
struct RedisEventBusTests {
    private let conversation = ConversationID.random()
    private let user = UserID.random()

    @Test func `each node hears each event once, its own too`() async throws {
        try await withServer { server in
            try await withBuses(2, server) { buses async throws in
                let sinks = try await listen(buses)
                for number in 0..<50 as Range<Int64> {
                    await buses[Int(number % 2)].publish([
                        message(number), .typing(conversation, user, isTyping: true),
                        .presence(user, PresenceState(online: true, lastSeenAt: nil)),
                    ])
                }
                for sink in sinks { _ = await sink.events(150) }
                // Whatever came twice would come before this.
                await buses[0].publish([message(50)])
                await buses[1].publish([message(51)])
                for sink in sinks {
                    let numbers = await sink.events(152).compactMap(\.number)
                    #expect(numbers.sorted() == Array(0...51))
                }
            }
        }
    }

    @Test func `a node where nobody is online hears what concerns every node, and nothing else`() async throws {
        try await withServer { server in
            try await withBuses(2, server) { buses async throws in
                let sink = EventCollector()
                buses[1].attach(sink)
                await buses[1].settled()
                let change = ParticipantChange(
                    conversationID: conversation, userID: user, kind: .joined, role: .member, participantCount: 2, version: 1)
                await buses[0].publish([
                    message(1), .typing(conversation, user, isTyping: true), .conversationCreated(conversation, [user]),
                    .delivered(conversation, user, sequenceNumber: 1), .participantChanged(change, lastSequence: 1),
                    .tokensRevoked(user, before: Sample.start), .presence(user, PresenceState(online: true, lastSeenAt: nil)),
                ])
                let events = await sink.events(4).map { "\($0)".prefix { $0 != "(" } }
                #expect(events == ["conversationCreated", "participantChanged", "tokensRevoked", "presence"])
            }
        }
    }

    @Test func `a conversation is listened to until the last who wants to hear of it is gone`() async throws {
        try await withServer { server in
            try await withBuses(1, server) { buses async throws in
                let name = "conversation:\(conversation)"
                buses[0].subscribe([conversation, conversation])
                buses[0].unsubscribe([conversation])
                await buses[0].settled()
                #expect(try await server.command("PUBSUB", "NUMSUB", name).hasSuffix("1"))
                buses[0].unsubscribe([conversation])
                await buses[0].settled()
                #expect(try await server.command("PUBSUB", "NUMSUB", name).hasSuffix("0"))
            }
        }
    }

    @Test func `thousands of conversations are subscribed to`() async throws {
        try await withServer { server in
            try await withBuses(1, server) { buses async throws in
                let conversations = (0..<3000).map { _ in ConversationID.random() }
                buses[0].subscribe(conversations)
                await buses[0].settled()
                let channels = try await server.command("PUBSUB", "CHANNELS").split(separator: "\n")
                #expect(channels.count == 6001)
            }
        }
    }

    // MARK: Other programs

    @Test func `another program gets the message's own JSON over the conversation's channel`() async throws {
        try await withServer { server in
            try await withBuses(1, server) { buses async throws in
                let name = "conversation:\(conversation)"
                let lines = try server.subscribe(to: name)
                try await eventually { try await server.command("PUBSUB", "NUMSUB", name).hasSuffix("1") }
                let stored = enriched(7, "Zeile \"1\"\n👩‍👩‍👧\u{0}")
                await buses[0].publish([.message(conversation, sequenceNumber: 7, json: stored.json)])
                try await eventually { lines.text.contains("Zeile") }
                #expect(lines.text.split(separator: "\n").last == Substring(decoding: stored.json, as: UTF8.self))
            }
        }
    }

    @Test func `what makes no sense, and what comes from a newer node, is passed over`() async throws {
        try await withServer { server in
            try await withBuses(2, server) { buses async throws in
                let sinks = try await listen(buses)
                for payload in ["", "nonsense", #"{"format":2}"#, #"{"format":1,"origin":"\#(UserID.random())","kind":"new","event":{}}"#] {
                    _ = try await server.command("PUBLISH", "parley:events", payload)
                    _ = try await server.command("PUBLISH", "conversation:\(conversation)", payload)
                }
                await buses[0].publish([message(1)])
                #expect(await sinks[1].events(1).map(\.number) == [1])
            }
        }
    }

    private func listen(_ buses: [RedisEventBus]) async throws -> [EventCollector] {
        var sinks: [EventCollector] = []
        for bus in buses {
            let sink = EventCollector()
            bus.attach(sink)
            bus.subscribe([conversation])
            await bus.settled()
            sinks.append(sink)
        }
        return sinks
    }

    private func message(_ number: Int64) -> BusEvent {
        .message(conversation, sequenceNumber: number, json: enriched(number, "Hello").json)
    }

    private func enriched(_ number: Int64, _ content: String) -> EnrichedMessage {
        EnrichedMessage(
            message: Message(
                id: Sample.messageID(), conversationID: conversation, senderID: user, clientMessageID: nil, messageType: .text,
                content: content, mediaIDs: [], sequenceNumber: number, createdAt: Sample.start),
            media: [Sample.media(owner: user)])
    }
}

extension BusEvent {
    var number: Int64? { if case .message(_, let number, _) = self { number } else { nil } }
}

/// The lines that a `redis-cli` prints; it ends with this value.
final class PrintedLines: Sendable {
    private let process: ChildProcess
    private let file = FileManager.default.temporaryDirectory.path + "/parley-redis-cli-\(UUID().uuidString)"

    init(_ client: Program) throws {
        var client = client
        client.output = .file(file)
        process = try ChildProcess.start(client)
    }

    deinit {
        process.signal(SIGTERM)
        try? FileManager.default.removeItem(atPath: file)
    }

    var text: String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }
}

extension RedisServer {
    func subscribe(to channel: String) throws -> PrintedLines { try PrintedLines(cli(["SUBSCRIBE", channel])) }
}
