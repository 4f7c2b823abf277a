public import ParleyModel

/// A participant as far as a local view knows.
public struct LocalParticipant: Sendable, Equatable {
    public let userID: UserID
    public var role: Role
    /// Nil for someone who joined since the list was read: the event does not tell it.
    public var joinedAt: Timestamp?
    /// For someone who joined since the list was read, where the conversation stood when that was heard.
    public var lastReadSequence: Int64
    /// Never below ``lastReadSequence``.
    public var lastDeliveredSequence: Int64

    init(_ participant: Participant) {
        userID = participant.userID
        role = participant.role
        joinedAt = participant.joinedAt
        lastReadSequence = participant.lastReadSequence
        lastDeliveredSequence = participant.lastDeliveredSequence
    }

    fileprivate init(joined userID: UserID, as role: Role, at number: Int64) {
        self.userID = userID
        self.role = role
        lastReadSequence = number
        lastDeliveredSequence = number
    }
}

/// The participants of one conversation, once they were read, and what was told of them before, so that a list that was
/// read while events came is put right by them.
struct LocalParticipants: Sendable, Equatable {
    /// Changes kept for a list that is still to come.
    static let maxChanges = 1000

    private(set) var list: [UserID: LocalParticipant]?
    /// Somebody came, went or has another role, and no event said who.
    private(set) var isStale = false
    private var listVersion: Int64 = 0
    private var changes: [UserID: ParticipantChange] = [:]
    /// Changes up to this version may have been forgotten.
    private var forgottenVersion: Int64 = 0
    private var markers: [UserID: Marker] = [:]

    private struct Marker: Equatable {
        var read: Int64 = 0
        var delivered: Int64 = 0
    }

    /// Puts a list in that is at least as new as `version`. False when it is too old to be put right; then it is not used.
    mutating func set(_ participants: [Participant], version: Int64, lastSequence: Int64) -> Bool {
        guard version >= forgottenVersion else { return false }
        guard list == nil || version >= listVersion else { return true }
        list = Dictionary(participants.map { ($0.userID, LocalParticipant($0)) }) { _, later in later }
        listVersion = version
        isStale = false
        for change in changes.values where change.version > version { carryOut(change, lastSequence: lastSequence) }
        for (user, marker) in markers { raise(user, to: marker) }
        return true
    }

    mutating func markStale() { isStale = list != nil }

    mutating func apply(_ change: ParticipantChange, lastSequence: Int64) {
        guard change.version > changes[change.userID]?.version ?? 0, change.version > listVersion else { return }
        changes[change.userID] = change
        if change.kind != .role { markers[change.userID] = nil }
        carryOut(change, lastSequence: lastSequence)
        if changes.count > Self.maxChanges { forgetOldest() }
    }

    private mutating func carryOut(_ change: ParticipantChange, lastSequence: Int64) {
        guard list != nil else { return }
        let user = change.userID
        if change.kind == .left {
            list?[user] = nil
        } else if list?[user] == nil {
            list?[user] = LocalParticipant(joined: user, as: change.role ?? .member, at: lastSequence)
        } else if let role = change.role {
            list?[user]?.role = role
        }
    }

    /// Forgets the older half, so that the work is spread over many changes.
    private mutating func forgetOldest() {
        let border = changes.values.map(\.version).sorted()[changes.count / 2]
        changes = changes.filter { $0.value.version > border }
        forgottenVersion = max(forgottenVersion, border)
    }

    // MARK: Markers

    /// Reading counts as receiving.
    mutating func noteRead(_ number: Int64, of user: UserID) {
        note(Marker(read: number, delivered: number), of: user)
    }

    mutating func noteDelivered(_ number: Int64, of user: UserID) {
        note(Marker(delivered: number), of: user)
    }

    private mutating func note(_ marker: Marker, of user: UserID) {
        let known = markers[user] ?? Marker()
        markers[user] = Marker(read: max(known.read, marker.read), delivered: max(known.delivered, marker.delivered))
        raise(user, to: marker)
    }

    private mutating func raise(_ user: UserID, to marker: Marker) {
        guard var participant = list?[user] else { return }
        participant.lastReadSequence = max(participant.lastReadSequence, marker.read)
        participant.lastDeliveredSequence = max(participant.lastDeliveredSequence, marker.delivered)
        list?[user] = participant
    }
}
