public import ParleyModel

/// Answers who is online, to those who share a conversation.
public struct PresenceService: Sendable {
    let presence: any Presence
    let conversations: any ConversationStore

    public init(presence: any Presence, conversations: any ConversationStore) {
        self.presence = presence
        self.conversations = conversations
    }

    public func state(of user: UserID, as caller: Caller) async throws(ParleyError) -> PresenceState {
        let asker = try caller.requiredUser()
        let mayAsk: Bool
        let state: PresenceState
        do throws(StoreError) {
            mayAsk = asker == user ? true : try await conversations.shareConversation(asker, user)
            state = try await presence.state(of: user)
        } catch {
            throw ParleyError(error)
        }
        guard mayAsk else { throw ParleyError(.notAParticipant, "presence is told to those who share a conversation") }
        return state
    }
}
