public import ParleyModel

/// Creating and reading messages. Both doors, REST and socket, call this; there is one set of rules.
public struct MessageService: Sendable {
    /// An answered create.
    public struct Created: Sendable {
        /// The JSON form of the message with its media.
        public let json: [UInt8]
        /// Whether the message was there already (P3).
        public let isRepeat: Bool
    }

    let store: any MessageStore
    let lanes: AppendLanes
    let access: ConversationAccess
    let media: MediaService
    let ids: MessageIDGenerator
    let timeSource: any TimeSource
    let instruments: MessageInstruments

    public init(
        store: any MessageStore, lanes: AppendLanes, access: ConversationAccess, media: MediaService, ids: MessageIDGenerator,
        timeSource: any TimeSource, instruments: MessageInstruments
    ) {
        self.store = store
        self.lanes = lanes
        self.access = access
        self.media = media
        self.ids = ids
        self.timeSource = timeSource
        self.instruments = instruments
    }

    // MARK: Create

    /// Takes a message: when this returns, it is stored for good and has its number. Steps 1 to 5 of DESIGN section 2;
    /// publishing and notifying follow from the stored message and cannot fail the create.
    public func create(_ draft: MessageDraft, as caller: Caller) async throws(ParleyError) -> Created {
        let start = ContinuousClock.now
        do throws(ParleyError) {
            let checked = try CheckedDraft(draft, from: caller)
            try await authorise(checked)
            let attached = try await media.attachable(checked.mediaIDs, of: checked.senderID)
            let outcome = try await append(checked, attached)
            let created = try await answer(checked, outcome)
            instruments.created(repeated: created.isRepeat)
            instruments.took(.create, since: start)
            return created
        } catch {
            instruments.refused(error.createClass)
            throw error
        }
    }

    private func authorise(_ draft: CheckedDraft) async throws(ParleyError) {
        let start = ContinuousClock.now
        try await access.require(.sendMessage, of: draft.senderID, in: draft.conversationID)
        instruments.took(.authorise, since: start)
    }

    private func append(_ draft: CheckedDraft, _ attached: [Media]) async throws(ParleyError) -> AppendLane.Outcome {
        let now = timeSource.now()
        let message = NewMessage(
            id: ids.next(at: now), conversationID: draft.conversationID, senderID: draft.senderID,
            clientMessageID: draft.clientMessageID, messageType: draft.messageType, content: draft.content, mediaIDs: draft.mediaIDs,
            createdAt: now,
            preview: MessagePreview.preview(of: draft.messageType, content: draft.content, mediaCount: draft.mediaIDs.count))
        return try await lanes.lane(for: draft.conversationID).append(message, media: attached)
    }

    private func answer(_ draft: CheckedDraft, _ outcome: AppendLane.Outcome) async throws(ParleyError) -> Created {
        switch outcome {
        case .stored(let stored):
            return Created(json: stored.json, isRepeat: false)
        case .repeated(let first):
            guard draft.says(thatOf: first) else {
                throw ParleyError(.clientMessageIDReused, "client_message_id was used for a message with another type, content or media")
            }
            return Created(json: try await media.enriched([first])[0].json, isRepeat: true)
        case .noConversation:
            throw ParleyError(.conversationNotFound, "there is no conversation with this id")
        }
    }

    // MARK: Read

    /// How many messages a page holds at most, and when the caller does not say.
    public static let maxPage = 200
    public static let defaultPage = 50

    /// A page of history, ascending, for a participant.
    public func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int, as caller: Caller) async throws(ParleyError)
        -> MessagePage
    {
        try await access.require(.read, of: try caller.requiredUser(), in: conversation)
        do {
            let history = try await store.history(of: conversation, query, limit: limit)
            return MessagePage(
                messages: try await media.enriched(history.messages), hasMore: history.hasMore, lastSequence: history.lastSequence)
        } catch let error as StoreError {
            throw ParleyError(error)
        } catch let error as ParleyError {
            throw error
        } catch {
            throw ParleyError(.internalError, "unexpected")
        }
    }
}

extension Caller {
    /// The user the request acts for; a service token must name one.
    public func requiredUser() throws(ParleyError) -> UserID {
        guard let userID else {
            throw ParleyError(.missingField, "a service token must name the user it acts for in the header Parley-On-Behalf-Of")
        }
        return userID
    }
}

extension ParleyError {
    fileprivate var createClass: MessageInstruments.ErrorCodeClass {
        switch code {
        case .overloaded, .shuttingDown, .rateLimited: .overloaded
        case .storageUnavailable, .internalError: .failed
        default: .refused
        }
    }
}
