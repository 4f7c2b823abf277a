import ParleyCopy
import ParleyCore
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyTesting
import Testing

/// The verifier must find what it claims to find: good engines are damaged in one way at a time, as another program might.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct ClusterVerifierTests {
    struct Damage: CustomStringConvertible, Sendable {
        let description: String
        var sql = ""
        /// Commands to MongoDB.
        var mongo: [String] = []
        let finding: String
    }

    private static func makeIndex(_ name: String, _ fields: [String]) -> [String] {
        let key = fields.map { "\"\($0)\": 1" }.joined(separator: ", ")
        return [
            #"{"dropIndexes": "messages", "index": "\#(name)"}"#,
            #"{"createIndexes": "messages", "indexes": [{"key": {\#(key)}, "name": "\#(name)"}]}"#,
        ]
    }

    static let damages = [
        Damage(
            description: "a hole", mongo: [#"{"delete": "messages", "deletes": [{"q": {"sequence_number": 2}, "limit": 1}]}"#],
            finding: "numbers 2 to 2 are missing"),
        Damage(
            description: "a number used twice",
            mongo: makeIndex("conversation_sequence", ["conversation_id", "sequence_number"]) + [
                #"{"update": "messages", "updates": [{"q": {"sequence_number": 3}, "u": {"$set": {"sequence_number": {"$numberLong": "2"}}}}]}"#
            ], finding: "number 2 is used twice"),
        Damage(
            description: "a key used twice",
            mongo: makeIndex("conversation_sender_key", ["conversation_id", "sender_id", "client_message_id"]) + [
                #"{"update": "messages", "updates": [{"q": {}, "u": {"$set": {"client_message_id": "key"}}, "multi": true}]}"#
            ], finding: "client_message_ids have more than one message"),
        Damage(
            description: "a lost last message", mongo: [#"{"delete": "messages", "deletes": [{"q": {"sequence_number": 4}, "limit": 1}]}"#],
            finding: "last_sequence is 4, but the last message is 3"),
        Damage(
            description: "a message of no conversation",
            mongo: [
                #"{"update": "messages", "updates": [{"q": {"sequence_number": 4}, "u": {"$set": {"conversation_id": {"$uuid": "00000000-0000-4000-8000-000000000001"}}}}]}"#
            ], finding: "1 messages belong to no conversation: there is none with the id 00000000-0000-4000-8000-000000000001"),
        Damage(
            description: "a message behind all conversations",
            mongo: [
                #"{"update": "messages", "updates": [{"q": {"sequence_number": 4}, "u": {"$set": {"conversation_id": {"$uuid": "ffffffff-ffff-4fff-bfff-ffffffffffff"}}}}]}"#
            ], finding: "there is none with the id ffffffff-ffff-4fff-bfff-ffffffffffff"),
        Damage(
            description: "a message whose conversation is no id",
            mongo: [#"{"update": "messages", "updates": [{"q": {"sequence_number": 4}, "u": {"$set": {"conversation_id": "x"}}}]}"#],
            finding: "conversation_id is not a UUID"),
        Damage(
            description: "a lost index", mongo: [#"{"dropIndexes": "messages", "index": "conversation_sequence"}"#],
            finding: "messages have no index conversation_sequence"),
        Damage(
            description: "a wrong preview", sql: "UPDATE conversations SET last_message_preview = 'other'", finding: "last_message_preview"),
        Damage(
            description: "a wrong last id", sql: "UPDATE conversations SET last_message_id = '000000000000000000000000'",
            finding: "last_message_id"),
        Damage(
            description: "a last id that is none", sql: "UPDATE conversations SET last_message_id = 'x'", finding: "last_message_id"),
        Damage(description: "a wrong last time", sql: "UPDATE conversations SET last_message_at = now()", finding: "last_message_at"),
        Damage(
            description: "a drifted unread count", sql: "UPDATE participants SET own_sent = own_sent + 1", finding: "unread_count of user"),
        Damage(
            description: "a drifted counter of a direct conversation",
            sql: "UPDATE conversations SET unread_count_user2 = 7 WHERE type = 'direct'", finding: "unread_count_user2 is 7"),
        Damage(description: "a marker past the end", sql: "UPDATE participants SET last_read_sequence = 9", finding: "has read to 9"),
        Damage(
            description: "a wrong participant count", sql: "UPDATE conversations SET participant_count = 7",
            finding: "participant_count is 7"),
        Damage(
            description: "a wrong number for other programs", sql: "UPDATE conversation_sequences SET sequence_number = 3",
            finding: "conversation_sequences says 3, but the last number is 4"),
        Damage(
            description: "no number for other programs", sql: "DELETE FROM conversation_sequences",
            finding: "conversation_sequences has no row of it"),
    ]

    @Test(arguments: damages)
    func `it finds`(_ damage: Damage) async throws {
        try await TestCluster.with { cluster in
            try await fill(cluster)
            let good = try await cluster.verify()
            #expect(good.findings == [] && good.messages == 8 && good.conversations == 2 && good.participants == 4)
            if !damage.sql.isEmpty { try await cluster.sql(damage.sql) }
            for command in damage.mongo { #expect(try await cluster.mongo(command) != nil) }
            let report = try await cluster.verify()
            #expect(report.findings.contains { $0.contains(damage.finding) }, "\(report.findings)")
        }
    }

    @Test func `messages that are not applied yet are told of and are no finding`() async throws {
        try await TestCluster.with { cluster in
            let (group, users) = try await fill(cluster)
            let store = cluster.messages
            for number in 0..<3 { _ = try await store.append([Self.draft(in: group, from: users[0], number + 10)]) }
            let report = try await cluster.verify()
            #expect(report.findings == [] && report.unappliedMessages == 3 && report.messages == 11)
        }
    }

    /// Writers and readers go on while it reads: whatever it says then is wrong.
    @Test func `beside nodes that write it finds nothing`() async throws {
        try await TestCluster.with { cluster in
            let (group, users) = try await fill(cluster)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for user in users {
                    tasks.addTask { try await Self.write(as: user, in: group, cluster) }
                }
                tasks.addTask {
                    for number in 0..<20 where !Task.isCancelled {
                        let report = try await cluster.verify()
                        #expect(report.findings == [], "run \(number)")
                    }
                }
                try await tasks.waitForAll()
            }
            let report = try await cluster.verify()
            #expect(report.findings == [] && report.unappliedMessages == 0)
        }
    }

    private static func write(as user: UserID, in group: ConversationID, _ cluster: TestCluster) async throws {
        let (store, conversations) = (cluster.messages, cluster.conversations)
        for number in 0..<60 {
            var conversation = group
            if number % 10 == 9 {
                let made = ConversationID.random()
                try await conversations.createGroup(id: made, title: nil, creator: user, others: [], at: Sample.start)
                conversation = made
            }
            for case .stored(let message, _) in try await store.append([draft(in: conversation, from: user, number)]) {
                try await apply(message, conversations)
                _ = try await conversations.advanceRead(of: user, in: conversation, to: message.sequenceNumber - 1, at: Sample.start)
            }
        }
    }

    /// Waits for its turn, as other writers' messages come before it.
    private static func apply(_ message: Message, _ conversations: PostgresConversationStore) async throws {
        while case .tooEarly = try await conversations.apply(update(message)) { try await Task.sleep(for: .milliseconds(1)) }
    }

    private static func update(_ message: Message) -> MetadataUpdate {
        MetadataUpdate(
            conversationID: message.conversationID, first: message.sequenceNumber, last: message.sequenceNumber,
            lastMessage: LastMessage(id: message.id, at: message.createdAt, preview: message.content), sentBy: [message.senderID: 1])
    }

    private static func draft(in conversation: ConversationID, from user: UserID, _ number: Int) -> NewMessage {
        Sample.draft(in: conversation, from: user, "hello \(number)", key: "key \(number)", at: Sample.time(Double(number)))
    }

    /// A group and a direct conversation, each with two participants and four messages, and a marker in the middle.
    @discardableResult
    private func fill(_ cluster: TestCluster) async throws -> (ConversationID, [UserID]) {
        let (store, conversations, users) = (cluster.messages, cluster.conversations, Sample.users(2))
        let (group, direct) = (ConversationID.random(), ConversationID.random())
        try await conversations.createGroup(id: group, title: nil, creator: users[0], others: [users[1]], at: Sample.start)
        _ = try await conversations.direct(between: users[0], and: users[1], id: direct, at: Sample.start)
        for conversation in [group, direct] {
            for number in 0..<4 {
                let outcomes = try await store.append([Self.draft(in: conversation, from: users[number % 2], number - 100)])
                for case .stored(let message, _) in outcomes { _ = try await conversations.apply(Self.update(message)) }
            }
            _ = try await conversations.advanceRead(of: users[0], in: conversation, to: 2, at: Sample.start)
        }
        return (group, users)
    }
}
