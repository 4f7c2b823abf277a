public import Logging
public import ParleyModel

/// Step 6 for stores whose append does not do it itself: applies conversation metadata exactly once and in order.
///
/// A batch that comes before its predecessor (another node is still at it, or died) is not applied; the missing messages
/// are read from the store and applied first, so that counts cannot drift whatever is repeated or lost.
public struct MetadataApplier: Sendable {
    let messages: any MessageStore
    let conversations: any ConversationStore
    let logger: Logger

    public init(messages: any MessageStore, conversations: any ConversationStore, logger: Logger) {
        self.messages = messages
        self.conversations = conversations
        self.logger = logger
    }

    /// Whether there is nothing to do because appending applies.
    public var isIdle: Bool { messages.appliesMetadata }

    public func apply(_ stored: [Message]) async {
        for (conversation, group) in Dictionary(grouping: stored, by: \.conversationID) {
            do throws(StoreError) {
                try await apply(group, of: conversation)
            } catch {
                // Not lost: the messages are stored, and the next batch or the repair finds the gap.
                logger.error("metadata could not be applied", metadata: ["conversation_id": "\(conversation)", "error": "\(error)"])
            }
        }
    }

    private func apply(_ group: [Message], of conversation: ConversationID) async throws(StoreError) {
        guard let update = Self.update(for: group), case .tooEarly(var applied) = try await conversations.apply(update) else { return }
        // From where the metadata stand up to our own last message: somebody else may have applied a part of ours.
        while applied < update.last {
            let missing = try await messages.history(of: conversation, .after(applied), limit: 200).messages
                .filter { $0.sequenceNumber <= update.last }
            guard let step = Self.update(for: missing) else { return }
            switch try await conversations.apply(step) {
            case .applied, .already: applied = step.last
            case .tooEarly(let now) where now > applied: applied = now
            case .tooEarly: return
            }
        }
    }

    /// The step that follows from consecutive messages of one conversation.
    static func update(for messages: [Message]) -> MetadataUpdate? {
        guard let first = messages.first, let last = messages.last else { return nil }
        var sentBy: [UserID: Int64] = [:]
        for message in messages { sentBy[message.senderID, default: 0] += 1 }
        let preview = MessagePreview.preview(of: last.messageType, content: last.content, mediaCount: last.mediaIDs.count)
        return MetadataUpdate(
            conversationID: first.conversationID, first: first.sequenceNumber, last: last.sequenceNumber,
            lastMessage: LastMessage(id: last.id, at: last.createdAt, preview: preview), sentBy: sentBy,
            earliestAt: messages.map(\.createdAt).min())
    }
}
