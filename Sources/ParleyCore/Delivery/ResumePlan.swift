public import ParleyModel

/// From where each conversation goes on for a client that subscribes. A value: standings and the client's word in,
/// decision out.
public struct ResumePlan: Sendable, Equatable {
    public struct Start: Sendable, Equatable {
        public let conversationID: ConversationID
        /// The client has everything up to here, or wants nothing of it.
        public let position: Int64
        /// The highest number when the plan was made; what lies above `position` is replayed.
        public let lastSequence: Int64
        /// Set when more was missed than the client wants replayed: what lies between this and `position`.
        public let skippedAfter: Int64?

        public init(conversationID: ConversationID, position: Int64, lastSequence: Int64, skippedAfter: Int64? = nil) {
            self.conversationID = conversationID
            self.position = position
            self.lastSequence = lastSequence
            self.skippedAfter = skippedAfter
        }
    }

    public let starts: [Start]
    /// Where the client stands when all of it has been carried out.
    public let cursor: ResumeCursor
    /// Conversations that the user joined after the client's cursor was made.
    let new: Set<ConversationID>
    private let known: Set<ConversationID>
    private let all: Set<ConversationID>
    private let positions: Dictionary<ConversationID, Int64>.Keys

    public init(_ request: ResumeRequest, standings: UserStandings, at now: Timestamp) {
        let present = standings.conversations.filter { request.only?.contains($0.conversationID) ?? true }
        starts = present.map { Self.start($0, request) }
        cursor = ResumeCursor(mark: standings.mark, time: now)
        known = Set(present.map(\.conversationID))
        all = Set(standings.conversations.map(\.conversationID))
        positions = request.positions.keys
        guard let since = request.cursor?.changesSince else {
            new = []
            return
        }
        new = Set(
            present.filter { request.positions[$0.conversationID] == nil && $0.joinedAt >= since }.map(\.conversationID))
    }

    /// A position wins over the cursor; without either, nothing is replayed. A client cannot be ahead of the store.
    private static func start(_ standing: ConversationStanding, _ request: ResumeRequest) -> Start {
        let last = standing.lastSequence
        let has: Int64
        if let position = request.positions[standing.conversationID] {
            has = min(max(position, 0), last)
        } else {
            has = request.cursor == nil ? last : standing.sequenceAtMark
        }
        if let limit = request.replayLimit, last - has > limit {
            return Start(conversationID: standing.conversationID, position: last, lastSequence: last, skippedAfter: has)
        }
        return Start(conversationID: standing.conversationID, position: has, lastSequence: last)
    }

    /// What the client has to be told beside messages, given what was missed.
    public func changes(_ missed: MissedChanges?) -> ResumeChanges {
        let gone = positions.filter { !all.contains($0) } + (missed?.left ?? [])
        return ResumeChanges(
            added: new.sorted(),
            changed: (missed?.conversations ?? []).filter { known.contains($0) && !new.contains($0) },
            removed: Set(gone).subtracting(all).sorted(),
            markers: (missed?.markers ?? []).filter { known.contains($0.conversationID) })
    }
}

/// What a client that comes back is told beside messages.
public struct ResumeChanges: Sendable, Equatable {
    /// Conversations that are new to the client.
    public let added: [ConversationID]
    /// Conversations whose view has changed.
    public let changed: [ConversationID]
    /// Conversations that the client may still believe in.
    public let removed: [ConversationID]
    public let markers: [ParticipantMarkers]

    public init(added: [ConversationID], changed: [ConversationID], removed: [ConversationID], markers: [ParticipantMarkers]) {
        self.added = added
        self.changed = changed
        self.removed = removed
        self.markers = markers
    }
}
