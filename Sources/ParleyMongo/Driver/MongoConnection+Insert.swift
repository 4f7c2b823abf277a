import CMongoC
import ParleyCore
import ParleyModel

/// What became of an ordered insert.
enum InsertOutcome {
    /// All of it, acknowledged by a majority.
    case stored
    /// Everything before this place is stored, nothing from it on.
    case refused(at: Int, Refusal)
    /// Nothing was sent.
    case notSent(String)
    /// Whether it was stored, and how much of it, is not known before ``MongoConnection/settle(_:)`` says so.
    case lost(String)
    /// The server does not take it, and never will; everything before this place is stored.
    case impossible(at: Int, String)

    /// Which index refused a document.
    enum Refusal {
        case id
        case number
        case key
    }
}

extension MongoConnection {
    /// Inserts in this order and stops at the first document that is refused.
    ///
    /// The server keeps the answer of each numbered write of a session (MongoDB manual, "Retryable Writes"), so the driver's
    /// own single repetition cannot store anything twice.
    func insert(_ documents: [BSON]) -> InsertOutcome {
        let outcome = tried(documents)
        if case .lost = outcome { mayStillLand = true }
        return outcome
    }

    private func tried(_ documents: [BSON]) -> InsertOutcome {
        do throws(MongoFailure) {
            return try call { options, error throws(MongoFailure) in
                var reply: OpaquePointer?
                var pointers = documents.map { $0.pointer as OpaquePointer? }
                let isDone = parley_mongoc_insert_many(messages, &pointers, documents.count, options.pointer, &reply, &error)
                let answer = reply.map(BSON.init(owning:)) ?? BSON()
                return isDone ? .stored : refusal(answer, failure(error))
            }
        } catch {
            // Of the session's beginning: nothing of the insert was sent.
            return error.isPassing ? .notSent(error.text) : .impossible(at: 0, error.text)
        }
    }

    private func refusal(_ reply: BSON, _ failure: MongoFailure) -> InsertOutcome {
        let inserted = reply.optionalNumber("insertedCount") ?? 0
        guard reply.documents("writeConcernErrors").isEmpty else { return .lost(failure.text) }
        guard let first = reply.documents("writeErrors").first, let place = first.optionalNumber("index") else {
            if failure.isBeforeSending && inserted == 0 { return .notSent(failure.text) }
            return failure.isRefusalOfAll && inserted == 0 ? .impossible(at: 0, failure.text) : .lost(failure.text)
        }
        let code = UInt32(truncatingIfNeeded: first.optionalNumber("code") ?? 0)
        if let refusal = Self.index(of: first, code: code) { return .refused(at: Int(place), refusal) }
        return MongoFailure(code: code, text: failure.text).isPassing
            ? .lost(failure.text) : .impossible(at: Int(place), failure.text)
    }

    /// The index that a duplicate key error (E11000) names, by its key pattern.
    private static func index(of error: BSON, code: UInt32) -> InsertOutcome.Refusal? {
        guard code == 11_000, let pattern = error.document("keyPattern") else { return nil }
        if pattern.optionalNumber("_id") != nil { return .id }
        if pattern.optionalNumber("client_message_id") != nil { return .key }
        return pattern.optionalNumber("sequence_number") != nil ? .number : nil
    }

    /// Finds out which of the messages of a lost insert are stored; after that the others never will be by that insert.
    ///
    /// Reading alone does not tell: the insert may still be on its way to the server, or not yet decided by an election.
    /// Therefore first a write of the same session that changes nothing: its higher number makes the server refuse the
    /// lost one from then on (TransactionTooOld), it waits for a lost one that is under way, and its majority decides
    /// what came before it. Then the messages are read by `_id` with read concern majority, after that write.
    func settle(_ ids: [MessageID]) throws(StoreError) -> [MessageID: Message] {
        do throws(MongoFailure) {
            try fence()
        } catch {
            throw error.asStoreError
        }
        let found = try find(BSON { $0.set("_id") { $0.setArray("$in", of: ids) { $0.set($1, $2) } } }, by: .id)
        let messages = try MessageDocument.messages(found)
        return Dictionary(messages.map { ($0.id, $0) }) { first, _ in first }
    }

    /// Returns when no insert of this connection that was lost can land any more: what is not stored by then never will be.
    func fenceLost() throws(StoreError) {
        guard mayStillLand else { return }
        do throws(MongoFailure) { try fence() } catch { throw error.asStoreError }
    }

    private func fence() throws(MongoFailure) {
        try call { options, error throws(MongoFailure) in
            let nobody = BSON { $0.setNull("_id") }
            let nothing = BSON { $0.set("$set") { $0.set("fence", true) } }
            if !mongoc_collection_update_one(messages, nobody.pointer, nothing.pointer, options.pointer, nil, &error) {
                throw failure(error)
            }
        }
        mayStillLand = false
    }
}
