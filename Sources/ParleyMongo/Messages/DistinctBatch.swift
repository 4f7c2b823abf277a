import ParleyCore
import ParleyModel

/// A batch without what is not stored anyway: messages of unknown conversations, and those that repeat the key of an earlier
/// one in the batch.
struct DistinctBatch {
    let messages: [NewMessage]
    /// Where each message of the batch, or the first of its key, stands in `messages`.
    private let places: [Int?]
    private let isFirst: [Bool]

    init(_ batch: [NewMessage], exists: (ConversationID) -> Bool) {
        var messages: [NewMessage] = []
        var places: [Int?] = []
        var placesOfKeys: [MessageKey: Int] = [:]
        var isFirst: [Bool] = []
        for message in batch {
            let earlier = MessageKey(message).flatMap { placesOfKeys[$0] }
            let exists = exists(message.conversationID)
            isFirst.append(exists && earlier == nil)
            places.append(exists ? earlier ?? messages.count : nil)
            guard exists, earlier == nil else { continue }
            if let key = MessageKey(message) { placesOfKeys[key] = messages.count }
            messages.append(message)
        }
        self.messages = messages
        self.places = places
        self.isFirst = isFirst
    }

    /// The outcome of each message of the batch, given those of `messages`.
    func outcomes(of settled: [MongoAppend.Settled], _ nextPosition: () -> LogPosition) -> [AppendOutcome] {
        zip(places, isFirst).map { place, isFirst in
            guard let place else { return .noConversation }
            switch settled[place] {
            case .stored(let message) where isFirst: return .stored(message, nextPosition())
            case .stored(let message), .repeated(let message): return .repeated(message)
            }
        }
    }
}
