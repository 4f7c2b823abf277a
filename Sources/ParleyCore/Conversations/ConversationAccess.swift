public import ParleyModel
import Synchronization

/// Who may do what: step 2 of a create, and the guard of every other route. Roles are cached, so that a create costs no
/// store access here; a change of role on this node takes effect when it is stored, and over the event bus on others.
public final class ConversationAccess: EventSink {
    private struct Key: Hashable {
        let conversation: ConversationID
        let user: UserID
    }

    private struct State {
        var roles: TwoGenerationCache<Key, Role>
        /// Counts changes of roles. A role read from the store before a change must not enter the cache after it.
        var generation: UInt64 = 0
    }

    private let store: any ConversationStore
    private let state: Mutex<State>

    public init(store: any ConversationStore, capacity: Int = 200_000) {
        self.store = store
        state = Mutex(State(roles: TwoGenerationCache(capacity: capacity)))
    }

    /// Throws `conversation_not_found`, `not_a_participant` or `role_forbids` unless the user may do that.
    @discardableResult
    public func require(_ action: ConversationAction, of user: UserID, in conversation: ConversationID) async throws(ParleyError) -> Role {
        guard let role = try await role(of: user, in: conversation) else {
            throw try await refusal(for: conversation)
        }
        guard Permissions.allows(role, action) else {
            throw ParleyError(.roleForbids, "the role \(role.rawValue) does not allow \(action.rawValue)")
        }
        return role
    }

    public func role(of user: UserID, in conversation: ConversationID) async throws(ParleyError) -> Role? {
        let key = Key(conversation: conversation, user: user)
        let (cached, generation) = state.withLock { ($0.roles[key], $0.generation) }
        if let cached { return cached }
        let role: Role?
        do { role = try await store.role(of: user, in: conversation) } catch { throw ParleyError(error) }
        if let role {
            state.withLock { state in
                if state.generation == generation { state.roles.insert(role, for: key) }
            }
        }
        return role
    }

    func refusal(for conversation: ConversationID) async throws(ParleyError) -> ParleyError {
        do {
            return try await store.exists(conversation)
                ? .notAParticipant : ParleyError(.conversationNotFound, "there is no conversation with this id")
        } catch {
            throw ParleyError(error)
        }
    }

    /// Forgets a cached role; called as soon as a change of it is stored.
    func forget(_ user: UserID, in conversation: ConversationID) {
        state.withLock { state in
            state.generation += 1
            state.roles.remove(Key(conversation: conversation, user: user))
        }
    }

    public func receive(_ events: [BusEvent]) {
        for case .participantChanged(let change, _) in events { forget(change.userID, in: change.conversationID) }
    }
}
