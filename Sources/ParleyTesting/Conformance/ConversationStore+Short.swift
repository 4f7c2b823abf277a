public import ParleyCore
public import ParleyModel

/// The store's calls without what most cases do not look at: the time of a change and the stamp it leaves.
extension ConversationStore {
    public func rename(_ conversation: ConversationID, to title: String?) async throws(StoreError) -> Bool {
        try await rename(conversation, to: title, at: Sample.start) != nil
    }

    public func setRole(of user: UserID, in conversation: ConversationID, to role: Role, maxParticipants: Int, joinedAt now: Timestamp)
        async throws(StoreError) -> RoleChange
    {
        try await setRole(of: user, in: conversation, to: role, maxParticipants: maxParticipants, at: now).change
    }

    public func remove(_ user: UserID, from conversation: ConversationID) async throws(StoreError) -> Removal {
        try await remove(user, from: conversation, at: Sample.start).removal
    }

    public func setMute(_ mute: Mute, for user: UserID, in conversation: ConversationID) async throws(StoreError) -> Bool {
        try await setMute(mute, for: user, in: conversation, at: Sample.start)
    }

    public func advanceRead(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64) async throws(StoreError)
        -> ReadState?
    {
        try await advanceRead(of: user, in: conversation, to: sequenceNumber, at: Sample.start)?.state
    }
}
