import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyCore

/// In which order messages are finished and told, and when each is settled.
struct EffectBacklogTests {
    @Test func `a message is settled once, when it is both finished and told`() {
        let messages = Self.messages(4)
        var backlog = Self.backlog(of: messages)
        #expect(backlog.told([messages[0]]) == [])
        #expect(backlog.finished(3) == [messages[0]])
        #expect(backlog.nextToTell(10) == Array(messages[1...]))
        #expect(backlog.told(messages) == Array(messages[1...2]))
        #expect(backlog.finished(1) == [messages[3]])
        #expect(backlog.nextToTell(10) == [])
        #expect(backlog.nextToFinish(10).isEmpty)
    }

    @Test func `another node's message is told, and settles nothing here`() {
        let messages = Self.messages(3)
        var backlog = EffectBacklog(maxInMemory: 2)
        backlog.tellLater(messages)
        #expect(backlog.nextToTell(10) == Array(messages[...1]))
        #expect(backlog.told(messages) == [])
        #expect(backlog.nextToTell(10) == [])
    }

    @Test func `what memory cannot keep is owed, and settled when its second is both finished and told`() throws {
        let messages = Self.messages(5)
        var backlog = Self.backlog(of: messages, inMemory: 2)
        let second = messages[0].id.second
        #expect(try #require(backlog.secondToFinish) == (second, 3))
        #expect(try #require(backlog.secondToTell) == (second, 3))
        #expect(backlog.told(3, ofSecond: second) == 0)
        #expect(backlog.secondToTell == nil)
        #expect(backlog.finished(3, ofSecond: second) == 3)
        #expect(backlog.secondToFinish == nil)
    }

    @Test func `what comes while its second is read back is read back again`() throws {
        var backlog = EffectBacklog(maxInMemory: 0)
        backlog.owe(2, ofSecond: 7)
        let count = try #require(backlog.secondToFinish).count
        backlog.owe(1, ofSecond: 7)
        #expect(backlog.finished(count, ofSecond: 7) == 0)
        #expect(backlog.told(3, ofSecond: 7) == 2)
        #expect(try #require(backlog.secondToFinish) == (7, 3))
        #expect(backlog.finished(3, ofSecond: 7) == 1)
        #expect(backlog.secondToFinish == nil && backlog.secondToTell == nil)
    }

    @Test func `what is finished and finds no room among the untold is only told`() throws {
        let messages = Self.messages(2)
        var backlog = EffectBacklog(maxInMemory: 1)
        backlog.tellLater([messages[0]])
        backlog.add(DueMessage(messages[1]), isApplied: true, isTold: false)
        #expect(backlog.finished(1) == [])
        #expect(backlog.secondToFinish == nil)
        #expect(try #require(backlog.secondToTell).count == 1)
        #expect(backlog.told(1, ofSecond: messages[1].id.second) == 1)
    }

    private static func backlog(of messages: [Message], inMemory: Int = 100) -> EffectBacklog {
        var backlog = EffectBacklog(maxInMemory: inMemory)
        for message in messages { backlog.add(DueMessage(message), isApplied: true, isTold: false) }
        return backlog
    }

    private static func messages(_ count: Int) -> [Message] {
        let ids = MessageIDGenerator()
        return (1...count).map { number in
            Message(
                id: ids.next(at: Sample.start), conversationID: ConversationID(high: 1, low: 1), senderID: UserID(high: 1, low: 1),
                clientMessageID: nil, messageType: .text, content: "Hello", mediaIDs: [], sequenceNumber: Int64(number),
                createdAt: Sample.start)
        }
    }
}
