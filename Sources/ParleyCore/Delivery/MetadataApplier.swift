public import ParleyModel

/// Step 6 for stores whose append does not do it itself: applies conversation metadata exactly once and in order.
///
/// A step that comes before its predecessor (another node is still at it, or died) is not applied; after a moment the missing
/// messages are read from the store and applied first, so that counts cannot drift whatever is repeated or lost.
public struct MetadataApplier: Sendable {
    /// How long a predecessor that another node is at is waited for, in milliseconds.
    static let patienceMilliseconds = 3
    private static let page = 200

    let messages: any MessageStore
    let conversations: any ConversationStore

    public init(messages: any MessageStore, conversations: any ConversationStore) {
        self.messages = messages
        self.conversations = conversations
    }

    /// Whether there is nothing to do because appending applies.
    public var isIdle: Bool { messages.appliesMetadata }

    /// When it returns, the metadata of the messages' conversations stand at the messages or above. The messages of a
    /// conversation may have holes between them, where others wrote in between. Where it throws, some may be applied, and to
    /// apply all again is right.
    public func apply(_ stored: [Message]) async throws(StoreError) {
        let steps = Self.steps(of: stored)
        var early = try await apply(steps)
        if early.isEmpty { return }
        try? await Task.sleep(for: .milliseconds(Self.patienceMilliseconds))
        early = try await apply(early.map(\.step))
        for (step, applied) in early { try await catchUp(step.conversationID, from: applied, through: step.last) }
    }

    /// Those that came too early, with where their conversation stands.
    private func apply(_ steps: [MetadataUpdate]) async throws(StoreError) -> [(step: MetadataUpdate, applied: Int64)] {
        if steps.isEmpty { return [] }
        return zip(steps, try await conversations.apply(steps)).compactMap { step, outcome in
            if case .tooEarly(let applied) = outcome { (step, applied) } else { nil }
        }
    }

    /// Applies the messages after `applied`, up to and including `last`, as they are in the store. Throws `unexpected` where the
    /// store lacks one.
    func catchUp(_ conversation: ConversationID, from applied: Int64, through last: Int64) async throws(StoreError) {
        var applied = applied
        while applied < last {
            let missing = try await messages.history(of: conversation, .after(applied), limit: Self.page).messages
                .filter { $0.sequenceNumber <= last }
            guard let step = Self.steps(of: missing).first, step.first == applied + 1 else {
                throw .unexpected("messages \(applied + 1) to \(last) of conversation \(conversation) are not in the store")
            }
            switch try await conversations.apply(step) {
            case .applied, .already: applied = step.last
            case .tooEarly(let now):
                guard now > applied else { throw .unexpected("the metadata of conversation \(conversation) went back to \(now)") }
                applied = now
            }
        }
    }

    /// The messages as steps: runs of consecutive numbers, in order in each conversation.
    static func steps(of messages: [Message]) -> [MetadataUpdate] {
        Dictionary(grouping: messages, by: \.conversationID).values.flatMap { group in
            var runs: [[Message]] = []
            for message in group.sorted(by: { $0.sequenceNumber < $1.sequenceNumber }) {
                guard let last = runs.last?.last?.sequenceNumber, message.sequenceNumber <= last + 1 else {
                    runs.append([message])
                    continue
                }
                if message.sequenceNumber > last { runs[runs.count - 1].append(message) }
            }
            return runs.compactMap(step)
        }
    }

    /// The step that follows from consecutive messages of one conversation.
    private static func step(_ messages: [Message]) -> MetadataUpdate? {
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
