import ParleyCore
import ParleyModel
import ParleyMongo
import Synchronization

/// One batch on its way: what is stored of it, and what must still be applied. It may be advanced again after a transaction
/// that failed, or did not reach the end: it stores once, and applies from wherever the metadata stand.
final class RowLockAppend: Sendable {
    /// Where a node may stop or die.
    enum Moment {
        case locked
        case stored
    }

    /// Messages of other nodes that one transaction applies: so many are read well within the time that it may hold its rows.
    static let maxAdopted = 1000

    let conversations: Set<ConversationID>
    private let batch: [NewMessage]
    private let messages: MongoMessageStore
    /// What our own messages say as last messages.
    private let previews: [MessageID: String]
    private let reach: @Sendable (Moment) -> Void
    private let state = Mutex(State())

    private struct State {
        var outcomes: [AppendOutcome]?
        var isComplete = false
    }

    init(_ batch: [NewMessage], in messages: MongoMessageStore, _ reach: @escaping @Sendable (Moment) -> Void) {
        self.batch = batch
        self.messages = messages
        self.reach = reach
        previews = Dictionary(batch.map { ($0.id, $0.preview) }) { first, _ in first }
        conversations = Set(batch.map(\.conversationID))
    }

    var isStored: Bool { state.withLock { $0.outcomes != nil } }

    /// Nil while something is left that the steps so far did not reach.
    var outcomes: [AppendOutcome]? { state.withLock { $0.isComplete ? $0.outcomes : nil } }

    /// Stores the batch, if it is not yet, and makes the steps that are next. It blocks; the conversations are locked.
    func advance(from standings: [ConversationID: Int64]) throws(StoreError) -> [MetadataUpdate] {
        reach(.locked)
        let outcomes = try stored(after: standings)
        reach(.stored)
        var (steps, isComplete, left): ([MetadataUpdate], Bool, Int) = ([], true, Self.maxAdopted)
        for (conversation, own) in Self.answered(outcomes) {
            guard let last = own.keys.max(), let stands = standings[conversation], stands < last else { continue }
            let due = try due(conversation, after: stands, through: last, own, &left)
            if let step = step(due) { steps.append(step) }
            if (due.last?.sequenceNumber ?? stands) < last { isComplete = false }
        }
        state.withLock { $0.isComplete = isComplete }
        return steps
    }

    private func stored(after standings: [ConversationID: Int64]) throws(StoreError) -> [AppendOutcome] {
        if let outcomes = state.withLock({ $0.outcomes }) { return outcomes }
        let outcomes = try messages.append(batch, after: standings)
        state.withLock { $0.outcomes = outcomes }
        return outcomes
    }

    /// What the callers will be told of, by conversation and number. A repeat too: its first message may be of a node that died.
    private static func answered(_ outcomes: [AppendOutcome]) -> [ConversationID: [Int64: Message]] {
        var answered: [ConversationID: [Int64: Message]] = [:]
        for outcome in outcomes {
            switch outcome {
            case .stored(let message, _), .repeated(let message):
                answered[message.conversationID, default: [:]][message.sequenceNumber] = message
            case .noConversation: break
            }
        }
        return answered
    }

    /// The next messages to be applied: our own where those are all, else from the store, as many as are `left` to this
    /// transaction.
    private func due(
        _ conversation: ConversationID, after stands: Int64, through last: Int64, _ own: [Int64: Message], _ left: inout Int
    ) throws(StoreError) -> [Message] {
        let ours = (stands + 1...min(last, stands + Int64(own.count))).compactMap { own[$0] }
        if ours.last?.sequenceNumber == last, ours.count == last - stands { return ours }
        if left <= 0 { return [] }
        let found = try messages.messages(of: conversation, after: stands, through: last, limit: left)
        left -= found.count
        guard found.first?.sequenceNumber == stands + 1, found.last?.sequenceNumber == stands + Int64(found.count) else {
            throw .unexpected("conversation \(conversation) has messages beyond a hole after \(stands)")
        }
        return found
    }

    private func step(_ due: [Message]) -> MetadataUpdate? {
        guard let first = due.first, let last = due.last else { return nil }
        var sentBy: [UserID: Int64] = [:]
        for message in due { sentBy[message.senderID, default: 0] += 1 }
        let preview =
            previews[last.id]
            ?? MessagePreview.preview(of: last.messageType, content: last.content, mediaCount: last.mediaIDs.count)
        return MetadataUpdate(
            conversationID: last.conversationID, first: first.sequenceNumber, last: last.sequenceNumber,
            lastMessage: LastMessage(id: last.id, at: last.createdAt, preview: preview), sentBy: sentBy,
            earliestAt: due.map(\.createdAt).min())
    }
}
