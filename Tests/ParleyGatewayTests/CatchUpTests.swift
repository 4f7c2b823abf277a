import NIOCore
import NIOEmbedded
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

/// Coming back, and not keeping up.
struct CatchUpTests {
    private let ada = UserID.random()
    private let ben = UserID.random()

    // MARK: Resuming

    @Test(arguments: [1, 99, 100, 101, 1000])
    func `what was missed is replayed in order, then it is live`(missed: Int) async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            await gateway.store(5 + missed, in: conversation, from: ben)
            let socket = try await gateway.enter(ada)
            try await gateway.subscribe(socket, ResumeRequest(positions: [conversation: 5]))
            await gateway.send(2, in: conversation, from: ben)
            let told = try await socket.told()
            #expect(told == (6...5 + missed).map { "\($0)" } + ["caught_up", "\(missed + 6)", "\(missed + 7)"])
        }
    }

    @Test func `a cursor resumes every conversation, and only what changed is read`() async throws {
        try await TestGateway.run { gateway in
            var conversations: [ConversationID] = []
            for _ in 0..<50 { conversations.append(try await gateway.group([ada, ben])) }
            for conversation in conversations { await gateway.store(3, in: conversation, from: ben) }
            gateway.time.advance(bySeconds: 60)
            let before = try await gateway.resume.plan(for: ada, ResumeRequest()).cursor
            gateway.time.advance(bySeconds: 3600)
            for _ in 0..<4 { await gateway.store(1, in: conversations[7], from: ben) }
            let socket = try await gateway.enter(ada)
            try await gateway.subscribe(socket, ResumeRequest(cursor: before))
            #expect(try await socket.told() == ["4", "5", "6", "7", "caught_up"])
        }
    }

    @Test func `a position wins over the cursor, and a client cannot be ahead of the store`() async throws {
        try await TestGateway.run { gateway in
            let (one, other) = (try await gateway.group([ada, ben]), try await gateway.group([ada, ben]))
            gateway.time.advance(bySeconds: 60)
            let cursor = try await gateway.resume.plan(for: ada, ResumeRequest()).cursor
            gateway.time.advance(bySeconds: 60)
            for conversation in [one, other] { await gateway.store(3, in: conversation, from: ben) }
            let socket = try await gateway.enter(ada)
            try await gateway.subscribe(socket, ResumeRequest(cursor: cursor, positions: [one: 2, other: 99]))
            await gateway.send(1, in: other, from: ben)
            #expect(try await socket.told() == ["3", "caught_up", "4"])
        }
    }

    @Test func `more than the client wants replayed is named and passed over`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            await gateway.store(20, in: conversation, from: ben)
            let socket = try await gateway.enter(ada)
            try await gateway.subscribe(socket, ResumeRequest(positions: [conversation: 5], replayLimit: 14))
            await gateway.send(1, in: conversation, from: ben)
            let sent = try await socket.sent()
            #expect(
                sent[0]
                    == #"{"type":"skipped","conversation_id":"\#(conversation)","after_sequence":5,"sequence_number":20}"#)
            #expect(sent.count == 3 && sent[2].contains(#""sequence_number":21"#))
        }
    }

    @Test func `changes of the time in between are told, and removals too`() async throws {
        try await TestGateway.run { gateway in
            let (renamed, left, kept) = (
                try await gateway.group([ben, ada]), try await gateway.group([ben, ada]), try await gateway.group([ben, ada])
            )
            gateway.time.advance(bySeconds: 60)
            let cursor = try await gateway.resume.plan(for: ada, ResumeRequest()).cursor
            gateway.time.advance(bySeconds: 60)
            _ = await gateway.store.rename(renamed, to: "New", at: gateway.time.now())
            _ = try await gateway.leave(ada, from: left)
            let joined = try await gateway.group([ben])
            _ = try await gateway.join(ada, to: joined)
            await gateway.store(1, in: kept, from: ada)
            _ = await gateway.store.advanceRead(of: ben, in: kept, to: 1, at: gateway.time.now())
            let socket = try await gateway.enter(ada)
            try await gateway.subscribe(socket, ResumeRequest(cursor: cursor))
            let sent = try await socket.sent()
            #expect(sent.filter { $0.contains(#""change":"removed""#) && $0.contains("\(left)") }.count == 1)
            #expect(sent.filter { $0.contains(#""change":"updated""#) && $0.contains(#""title":"New""#) }.count == 1)
            #expect(sent.filter { $0.contains(#""change":"added""#) && $0.contains("\(joined)") }.count == 1)
            #expect(sent.filter { $0.contains(#""type":"read""#) && $0.contains("\(ben)") }.count == 1)
            #expect(sent.filter { $0.contains(#""type":"message""#) }.count == 1)
            #expect(sent.count == 6 && sent[5].contains("caught_up"))
        }
    }

    @Test func `what is more than can be held for a new conversation is read from the store`() async throws {
        try await TestGateway.run { gateway in
            gateway.time.advance(bySeconds: 60)
            let cursor = try await gateway.resume.plan(for: ada, ResumeRequest()).cursor
            gateway.time.advance(bySeconds: 60)
            let joined = try await gateway.group([ben, ada])
            let last = Int64(Subscriber.maxHeldEvents + 4)
            await gateway.store(Int(last), in: joined, from: ada)
            let socket = try await gateway.enter(ada)
            let subscriber = try socket.subscriber
            let request = ResumeRequest(cursor: cursor)
            _ = await gateway.loop.run { subscriber.beginLoading() }
            let plan = try await gateway.resume.plan(for: ada, request)
            gateway.part.onLoop { subscriber.begin(plan, hearsAll: true) }
            for number in 1...last {
                _ = await gateway.store.advanceRead(of: ben, in: joined, to: number, at: gateway.time.now())
                let state = ReadState(lastReadSequence: number, unreadCount: last - number, lastSequence: last)
                gateway.hub.receive([.read(joined, ben, state, toOthers: true)])
            }
            await gateway.loop.run()
            try await gateway.finish(subscriber, plan, request)
            await gateway.wait(1000)
            let told = try await socket.sent().filter { $0.contains("\(joined)") && !$0.contains(#""type":"message""#) }
            #expect(told.first?.contains(#""change":"added""#) == true)
            let reads = told.filter { $0.contains(#""type":"read""#) }
            #expect(reads.count < Int(last), "not everything is held")
            #expect(reads.last?.contains(#""sequence_number":\#(last)}"#) == true, "and nothing is lost")
        }
    }

    @Test func `nothing of a conversation that is new to the client comes before the conversation itself`() async throws {
        try await TestGateway.run { gateway in
            gateway.time.advance(bySeconds: 60)
            let cursor = try await gateway.resume.plan(for: ada, ResumeRequest()).cursor
            gateway.time.advance(bySeconds: 60)
            let joined = try await gateway.group([ben, ada])
            await gateway.store(20, in: joined, from: ben)
            let socket = try await gateway.enter(ada)
            let subscriber = try socket.subscriber
            let request = ResumeRequest(cursor: cursor, replayLimit: 5)
            _ = await gateway.loop.run { subscriber.beginLoading() }
            let plan = try await gateway.resume.plan(for: ada, request)
            gateway.part.onLoop { subscriber.begin(plan, hearsAll: true) }
            let read = BusEvent.read(joined, ben, ReadState(lastReadSequence: 20, unreadCount: 0, lastSequence: 20), toOthers: true)
            gateway.hub.receive(await gateway.store(1, in: joined, from: ben) + [read])
            await gateway.loop.run()
            try await gateway.finish(subscriber, plan, request)
            let sent = try await socket.sent()
            let kinds = sent.compactMap { text in
                ["added", "skipped", "read", "message", "caught_up"].first { text.contains(#":"\#($0)""#) }
            }
            #expect(kinds.prefix(2) == ["added", "skipped"])
            #expect(kinds.sorted() == ["added", "caught_up", "message", "read", "skipped"])
        }
    }

    // MARK: A bus that loses, repeats and reorders

    @Test func `events that come twice or in another order are written once and in order`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            let socket = try await gateway.subscribed(ada)
            let events = await gateway.store(5, in: conversation, from: ben)
            await gateway.tell([events[2], events[0], events[0], events[1], events[4], events[2], events[3], events[4]])
            #expect(try await socket.told() == ["1", "2", "3", "4", "5"])
        }
    }

    @Test func `a lost event is waited for a moment and then read from the store`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            let sockets = [try await gateway.subscribed(ada), try await gateway.subscribed(ben)]
            let events = await gateway.store(4, in: conversation, from: ben)
            await gateway.tell([events[0], events[3]])
            for socket in sockets { #expect(try await socket.told() == ["1"]) }
            await gateway.wait(99)
            for socket in sockets { #expect(try await socket.told() == []) }
            await gateway.wait(1)
            for socket in sockets { #expect(try await socket.told() == ["2", "3", "4"]) }
        }
    }

    @Test func `a lost tail shows when the newest numbers are looked at`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            let socket = try await gateway.subscribed(ada)
            let mark = try await gateway.resume.heads(after: nil).mark
            _ = await gateway.store(300, in: conversation, from: ben)
            let heads = try await gateway.resume.heads(after: mark)
            let part = gateway.part
            part.onLoop { part.learn(heads.sequences, cursor: nil) }
            await gateway.wait(100)
            await gateway.wait(0)
            #expect(try await socket.told() == (1...300).map { "\($0)" })
        }
    }

    // MARK: Slow readers

    @Test func `a slow reader gets hints instead of messages, the others everything at once`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            let (slow, quick) = (try await gateway.subscribed(ada), try await gateway.subscribed(ben))
            try await slow.setWritable(false)
            await gateway.send(250, in: conversation, from: ben)
            let first = try await slow.told()
            #expect(first == ["behind"])
            #expect(try await quick.told() == (1...250).map { "\($0)" })
            await gateway.wait(1000)
            #expect(try await slow.sent() == [#"{"type":"behind","conversation_id":"\#(conversation)","sequence_number":250}"#])
            await gateway.wait(1000)
            #expect(try await slow.sent() == [])
            await gateway.send(1, in: conversation, from: ben)
            await gateway.wait(1000)
            #expect(try await slow.sent() == [#"{"type":"behind","conversation_id":"\#(conversation)","sequence_number":251}"#])
            try await slow.setWritable(true)
            await gateway.settle()
            await gateway.send(1, in: conversation, from: ben)
            #expect(try await slow.told() == (1...252).map { "\($0)" })
        }
    }

    @Test func `a slow reader is closed with 4001 when not even the hints fit`() async throws {
        try await TestGateway.run { gateway in
            var conversations: [ConversationID] = []
            for _ in 0..<300 { conversations.append(try await gateway.group([ada, ben])) }
            let slow = try await gateway.subscribed(ada)
            try await slow.setWritable(false)
            for conversation in conversations { await gateway.send(1, in: conversation, from: ben) }
            let told = try await slow.told()
            #expect(told.dropLast().allSatisfy { $0 == "behind" })
            #expect(told.last == "close 4001")
            #expect((100...200).contains(told.count))
        }
    }

    @Test func `a slow reader learns of changes that were dropped`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ben, ada])
            let slow = try await gateway.subscribed(ada)
            try await slow.setWritable(false)
            let stamp = await gateway.store.rename(conversation, to: "New", at: gateway.time.now())
            await gateway.tell([.conversationChanged(conversation, try #require(stamp))])
            _ = await gateway.store.advanceRead(of: ben, in: conversation, to: 0, at: gateway.time.now())
            #expect(try await slow.sent() == [])
            try await slow.setWritable(true)
            await gateway.settle()
            let sent = try await slow.sent()
            #expect(sent.count == 1 && sent[0].contains(#""title":"New""#) && sent[0].contains(#""role":"member""#))
        }
    }

    // MARK: Heartbeats

    @Test func `a heartbeat tells what changed since the last one, and a cursor once all is told`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            let socket = try await gateway.subscribed(ada)
            _ = try await gateway.subscribed(.random())
            await gateway.send(3, in: conversation, from: ben)
            let heads = try await gateway.resume.heads(after: ActivityMark(0))
            let cursor = ResumeCursor(mark: heads.mark, time: gateway.time.now())
            let part = gateway.part
            part.onLoop { part.learn(heads.sequences, cursor: cursor) }
            _ = try await socket.sent()
            await gateway.wait(25_000)
            let first = try await socket.sent().filter { $0 != "ping" }
            #expect(first.count == 1 && first[0].contains(#""cursor":"\#(cursor.text)","sequences":{"\#(conversation)":3}"#))
            try await socket.receive(#"{"id":1,"type":"ping"}"#)
            await gateway.wait(25_000)
            #expect(try await socket.sent().first?.contains(#""sequences":{}"#) == true)
        }
    }

    @Test func `while the bus has lost something, a heartbeat's cursor does not claim it`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            let socket = try await gateway.subscribed(ada)
            _ = await gateway.store(1, in: conversation, from: ben)
            let heads = try await gateway.resume.heads(after: ActivityMark(0))
            let cursor = ResumeCursor(mark: heads.mark, time: gateway.time.now())
            let part = gateway.part
            let beat = try await gateway.loop.executeInContext {
                part.learn(heads.sequences, cursor: cursor)
                return part.heartbeat([:], isComplete: true)
            }
            #expect(!String(buffer: beat.json).contains("cursor"))
            await gateway.wait(100)
            let later = try await gateway.loop.executeInContext { part.heartbeat([conversation: 1], isComplete: true) }
            #expect(String(buffer: later.json).contains(cursor.text))
            #expect(try await socket.told() == ["1"])
        }
    }
}
