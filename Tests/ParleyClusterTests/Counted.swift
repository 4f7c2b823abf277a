import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

/// The laws of a conversation, held against what its messages say: numbers 1 to n, each message once, the last message and the
/// row of the last one, every participant's unread count, and the counters for other programs.
func expectTrueCounts(
    of conversation: ConversationID, _ users: [UserID], on node: ClusterNode, in cluster: Cluster,
    _ location: SourceLocation = #_sourceLocation
) async throws {
    let history = try await node.stores.allMessages(of: conversation)
    let last = Int64(history.count)
    #expect(history.map(\.sequenceNumber) == Array(1..<last + 1), sourceLocation: location)
    #expect(Set(history.map(\.id)).count == history.count, sourceLocation: location)
    let keys = history.compactMap { message in message.clientMessageID.map { "\(message.senderID) \($0)" } }
    #expect(Set(keys).count == keys.count, sourceLocation: location)
    for user in users {
        let view = try await node.stores.view(conversation, user)
        #expect(view.conversation.lastSequence == last, sourceLocation: location)
        #expect(view.conversation.lastMessage?.id == history.last?.id, sourceLocation: location)
        let others = history.count { $0.senderID != user && $0.sequenceNumber > view.readState.lastReadSequence }
        #expect(view.readState.unreadCount == Int64(others), sourceLocation: location)
    }
    let row = try cluster.sql("SELECT sequence_number FROM conversation_sequences WHERE conversation_id = '\(conversation)'")
    #expect(row == "\(last)", sourceLocation: location)
    for (number, user) in users.enumerated() where number < 2 {
        let counter = try cluster.sql(
            "SELECT unread_count_user\(number + 1) FROM conversations WHERE conversation_id = '\(conversation)' AND type = 'direct'")
        if let counter { #expect(counter == "\(history.count { $0.senderID != user })", sourceLocation: location) }
    }
}

extension StoreSubject {
    /// A direct conversation, and its users as `user1_id` and `user2_id`.
    func pair() async throws -> (ConversationID, [UserID]) {
        let users = Sample.users(2).sorted()
        return (
            try await conversations.direct(between: users[0], and: users[1], id: .random(), at: Sample.start).conversationID, users
        )
    }
}
