public import ParleyCore
public import ParleyModel

/// The part of appending that is MongoDB's when somebody else says which numbers come next. These calls block: they are for
/// a thread of another engine's pool, which holds locks meanwhile. Nothing here ever waits for that pool.
extension MongoMessageStore {
    /// Appends as ``append(_:)`` does, but after the last numbers that the caller knows; a conversation without one counts as
    /// unknown. A number may be too low: then the index refuses what is taken, and the next free numbers are found. It must
    /// never be of a message that could be taken back, or that is not there.
    public func append(_ batch: [NewMessage], after numbers: [ConversationID: Int64]) throws(StoreError) -> [AppendOutcome] {
        let distinct = DistinctBatch(batch) { numbers[$0] != nil }
        let fresh = distinct.messages
        if fresh.isEmpty { return distinct.outcomes(of: [], nextPosition) }
        let known = BoundedCache<ConversationID, Int64>(limit: numbers.count)
        for (conversation, number) in numbers { known.keep(number, for: conversation, merging: max) }
        let maxContentionSeconds = database.configuration.maxContentionSeconds
        let settled = try database.runBlocking { connection throws(StoreError) in
            var append = MongoAppend(fresh, on: connection, known: known, maxContentionSeconds: maxContentionSeconds)
            return try append.run()
        }
        return distinct.outcomes(of: settled, nextPosition)
    }

    /// The messages with numbers above `number`, up to and including `last`, ascending: the first `limit` of them.
    public func messages(
        of conversation: ConversationID, after number: Int64, through last: Int64, limit: Int
    ) throws(StoreError) -> [Message] {
        try database.runBlocking { connection throws(StoreError) in
            try connection.messages(of: conversation, number + 1...min(last, number + Int64(limit)))
        }
    }
}
