public import ParleyCore
public import ParleyModel

extension MongoMessageStore: MessageFacts {
    /// How much earlier in time a later number may be, in milliseconds: nodes' clocks, and the wait between a message's
    /// `created_at` and its number. ``firstSequence(in:storedAfter:)`` is exact within it.
    static let maxDisorderMilliseconds: Int64 = 120_000

    public func conversations(inWhichWasSent id: MediaID) async throws(StoreError) -> [ConversationID] {
        try await database.run { connection throws(StoreError) in
            let found = try connection.aggregate(
                by: .media,
                [
                    BSON {
                        $0.set("$match") {
                            $0.set("media_ids", id)
                            // The index holds only messages with media; the query must say that it wants no others.
                            $0.set("media_ids.0") { $0.set("$exists", true) }
                        }
                    },
                    BSON { $0.set("$group") { $0.set("_id", "$conversation_id") } },
                    BSON { $0.set("$set") { $0.set("number", Int64(0)) } },
                ])
            return Array(try MongoConnection.numbers(found).keys)
        }
    }

    /// The times of a conversation's messages almost follow their numbers: the earliest message after the time is found
    /// in one step for each conversation, then the lowest number among those shortly after it.
    public func firstSequence(in conversations: [ConversationID], storedAfter time: Timestamp) async throws(StoreError)
        -> [ConversationID: Int64]
    {
        if conversations.isEmpty { return [:] }
        return try await database.run { connection throws(StoreError) in
            let earliest = try connection.aggregate(
                by: .conversationCreated,
                [
                    BSON {
                        $0.set("$match") {
                            $0.set("conversation_id") { $0.setArray("$in", conversations) }
                            $0.set("created_at") { $0.set("$gt", time) }
                        }
                    },
                    BSON {
                        $0.set("$sort") {
                            $0.set("conversation_id", int32: 1)
                            $0.set("created_at", int32: 1)
                        }
                    },
                    BSON {
                        $0.set("$group") {
                            $0.set("_id", "$conversation_id")
                            $0.set("at") { $0.set("$first", "$created_at") }
                        }
                    },
                ])
            let windows = try MongoConnection.windows(earliest, after: time)
            if windows.isEmpty { return [:] }
            let lowest = try connection.aggregate(
                by: .conversationCreated,
                [
                    BSON { $0.set("$match") { $0.setArray("$or", of: windows) { $0.set($1, $2) } } },
                    BSON {
                        $0.set("$group") {
                            $0.set("_id", "$conversation_id")
                            $0.set("number") { $0.set("$min", "$sequence_number") }
                        }
                    },
                ])
            return try MongoConnection.numbers(lowest)
        }
    }

    public func sentCount(in conversation: ConversationID, by user: UserID, after: Int64, through: Int64) async throws(StoreError) -> Int64
    {
        try await database.run { connection throws(StoreError) in
            let found = try connection.aggregate(
                by: .conversationSenderSequence,
                [
                    BSON {
                        $0.set("$match") {
                            $0.set("conversation_id", conversation)
                            $0.set("sender_id", user)
                            $0.set("sequence_number") {
                                $0.set("$gt", after)
                                $0.set("$lte", through)
                            }
                        }
                    },
                    BSON { $0.set("$count", "number") },
                ])
            return found.first?.optionalNumber("number") ?? 0
        }
    }
}

extension MongoConnection {
    fileprivate static func windows(_ earliest: [BSON], after time: Timestamp) throws(StoreError) -> [BSON] {
        do throws(DamagedDocument) {
            var windows: [BSON] = []
            for document in earliest {
                let (conversation, at) = (try document.id("_id") as ConversationID, try document.time("at"))
                windows.append(
                    BSON { filter in
                        filter.set("conversation_id", conversation)
                        filter.set("created_at") {
                            $0.set("$gt", time)
                            $0.set("$lte", Timestamp(milliseconds: at.milliseconds + MongoMessageStore.maxDisorderMilliseconds))
                        }
                    })
            }
            return windows
        } catch {
            throw .unexpected("mongodb: a conversation without a readable \(error.field)")
        }
    }
}
