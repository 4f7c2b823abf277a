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
        /// The user joined after the client's cursor was made: the client is shown the conversation before anything of it.
        public let isNew: Bool

        public init(
            conversationID: ConversationID, position: Int64, lastSequence: Int64, skippedAfter: Int64? = nil, isNew: Bool = false
        ) {
            self.conversationID = conversationID
            self.position = position
            self.lastSequence = lastSequence
            self.skippedAfter = skippedAfter
            self.isNew = isNew
        }
    }

    public let starts: [Start]
    /// Where the client stands when all of it has been carried out.
    public let cursor: ResumeCursor
    private let present: Set<ConversationID>
    private let new: Set<ConversationID>
    private let all: Set<ConversationID>
    private let positions: Dictionary<ConversationID, Int64>.Keys

    public init(_ request: ResumeRequest, standings: UserStandings, at now: Timestamp) {
        let present = standings.conversations.filter { request.only?.contains($0.conversationID) ?? true }
        starts = present.map { Self.start($0, request) }
        cursor = ResumeCursor(mark: standings.mark, time: now)
        self.present = Set(present.map(\.conversationID))
        new = Set(starts.lazy.filter(\.isNew).map(\.conversationID))
        all = Set(standings.conversations.map(\.conversationID))
        positions = request.positions.keys
    }

    /// A position wins over the cursor; without either, nothing is replayed. A client cannot be ahead of the store.
    private static func start(_ standing: ConversationStanding, _ request: ResumeRequest) -> Start {
        let (id, last) = (standing.conversationID, standing.lastSequence)
        let has: Int64
        var isNew = false
        if let position = request.positions[id] {
            has = min(max(position, 0), last)
        } else if let cursor = request.cursor {
            has = standing.sequenceAtMark
            isNew = standing.joinedAt >= cursor.changesSince
        } else {
            has = last
        }
        if let limit = request.replayLimit, last - has > limit {
            return Start(conversationID: id, position: last, lastSequence: last, skippedAfter: has, isNew: isNew)
        }
        return Start(conversationID: id, position: has, lastSequence: last, isNew: isNew)
    }

    /// What the client has to be told beside messages, given what was missed.
    public func changes(_ missed: MissedChanges?) -> ResumeChanges {
        let gone = positions.filter { !all.contains($0) } + (missed?.left ?? [])
        return ResumeChanges(
            changed: (missed?.conversations ?? []).filter { present.contains($0) && !new.contains($0) },
            removed: Set(gone).subtracting(all).sorted(),
            markers: (missed?.markers ?? []).filter { present.contains($0.conversationID) })
    }
}

/// What a client that comes back is told beside messages.
public struct ResumeChanges: Sendable, Equatable {
    /// Conversations whose view has changed; not those that are new to the client, of which it is shown the view anyway.
    public let changed: [ConversationID]
    /// Conversations that the client may still believe in.
    public let removed: [ConversationID]
    public let markers: [ParticipantMarkers]

    public init(changed: [ConversationID], removed: [ConversationID], markers: [ParticipantMarkers]) {
        self.changed = changed
        self.removed = removed
        self.markers = markers
    }
}
