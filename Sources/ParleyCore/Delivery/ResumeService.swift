public import ParleyModel

/// What connections read from the stores: where a user's conversations stand, what was missed, and views. Whoever asks
/// has made sure that the user is a participant.
public struct ResumeService: Sendable {
    /// Messages read at once for a connection that catches up.
    public static let pageSize = 100
    /// Views read at once.
    public static let viewsPerRead = 100

    let messages: any MessageStore
    let conversations: any ConversationStore
    let media: MediaService
    let timeSource: any TimeSource
    let receiptsMaxParticipants: Int64
    let maxSubscriptions: Int

    public init(
        messages: any MessageStore, conversations: any ConversationStore, media: MediaService, timeSource: any TimeSource,
        receiptsMaxParticipants: Int64 = MarkerService.defaultMaxParticipants, maxSubscriptions: Int = 10_000
    ) {
        self.messages = messages
        self.conversations = conversations
        self.media = media
        self.timeSource = timeSource
        self.receiptsMaxParticipants = receiptsMaxParticipants
        self.maxSubscriptions = maxSubscriptions
    }

    /// Where a user's connection begins. To lose nothing: make the plan, let the connection listen, then ask for
    /// ``heads(after:)`` the plan's mark and for ``changes(of:_:_:)``.
    public func plan(for user: UserID, _ request: ResumeRequest) async throws(ParleyError) -> ResumePlan {
        // Taken before anything is read: what changes meanwhile is told again rather than not at all.
        let now = timeSource.now()
        let standings: UserStandings
        do {
            standings = try await withStoredMessages(conversations.standings(of: user, since: request.cursor?.mark), request)
        } catch {
            throw ParleyError(error)
        }
        let plan = ResumePlan(request, standings: standings, at: now)
        guard plan.starts.count <= maxSubscriptions else {
            throw ParleyError(
                .tooManySubscriptions, "a connection has at most \(maxSubscriptions) conversations; name some in conversation_ids")
        }
        return plan
    }

    /// Where metadata follow the messages, as while their store is down, a client may have been told of messages that the
    /// standings do not know yet: for those conversations the messages themselves say how far they go. A client that claims
    /// more than there is stays behind them all the same.
    private func withStoredMessages(_ standings: UserStandings, _ request: ResumeRequest) async throws(StoreError) -> UserStandings {
        if messages.appliesMetadata { return standings }
        var raised: [ConversationStanding] = []
        raised.reserveCapacity(standings.conversations.count)
        for standing in standings.conversations {
            var last = standing.lastSequence
            if request.positions[standing.conversationID, default: 0] > last {
                last = max(last, try await messages.history(of: standing.conversationID, .newest, limit: 1).lastSequence)
            }
            raised.append(
                ConversationStanding(
                    conversationID: standing.conversationID, lastSequence: last, sequenceAtMark: standing.sequenceAtMark,
                    joinedAt: standing.joinedAt))
        }
        return UserStandings(mark: standings.mark, conversations: raised)
    }

    /// What the client has to be told beside messages.
    public func changes(of user: UserID, _ request: ResumeRequest, _ plan: ResumePlan) async throws(ParleyError) -> ResumeChanges {
        guard let cursor = request.cursor else { return plan.changes(nil) }
        do {
            return plan.changes(try await missedChanges(of: user, since: cursor.time))
        } catch {
            throw ParleyError(error)
        }
    }

    /// What changed for a connection that dropped events since `time`.
    public func missedChanges(of user: UserID, since time: Timestamp) async throws(StoreError) -> MissedChanges {
        try await conversations.missedChanges(
            of: user, since: time.advanced(bySeconds: -ResumeCursor.marginSeconds), maxParticipants: receiptsMaxParticipants)
    }

    public func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads {
        try await messages.heads(after: mark)
    }

    /// Messages that follow a number, at most ``pageSize``.
    public func page(of conversation: ConversationID, after number: Int64) async throws(ParleyError) -> [EnrichedMessage] {
        do {
            return try await media.enriched(messages.history(of: conversation, .after(number), limit: Self.pageSize).messages)
        } catch let error as StoreError {
            throw ParleyError(error)
        } catch let error as ParleyError {
            throw error
        } catch {
            throw ParleyError(.internalError, "unexpected")
        }
    }

    public func views(of ids: [ConversationID], for user: UserID) async throws(StoreError) -> [ConversationView] {
        try await conversations.views(of: ids, for: user)
    }

    /// Those who share a conversation with the user.
    public func sharing(with user: UserID, among users: [UserID]) async throws(StoreError) -> Set<UserID> {
        try await conversations.sharing(with: user, among: users)
    }

    public func now() -> Timestamp { timeSource.now() }
}
