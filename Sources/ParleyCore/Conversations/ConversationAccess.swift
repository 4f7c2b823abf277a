public import ParleyModel
import Synchronization

/// Who may do what: step 2 of a create, and the guard of every other route. Roles are cached, so that a create costs no
/// store access here; a change of role on this node takes effect when it is stored, and over the event bus on others. Where
/// the bus may lose that, a role counts for a moment only.
public final class ConversationAccess: EventSink {
    private struct Key: Hashable {
        let conversation: ConversationID
        let user: UserID
    }

    private struct Known {
        let role: Role
        let at: ContinuousClock.Instant
    }

    private struct State {
        var roles: TwoGenerationCache<Key, Known>
        /// Counts changes of roles. A role read from the store before a change must not enter the cache after it.
        var generation: UInt64 = 0
    }

    /// For a bus that loses events: after so long a removal holds everywhere (P7).
    public static let maxAgeOnLossyBus = Duration.seconds(1)
    /// While the store cannot be read nobody can be removed either: a role that was read shortly before counts on.
    static let maxAgeWithoutStore = Duration.seconds(10)

    private let store: any ConversationStore
    private let maxAge: Duration?
    private let state: Mutex<State>

    /// - Parameter maxAge: How long a role that was read counts; nil where every change is heard of.
    public init(store: any ConversationStore, maxAge: Duration? = nil, capacity: Int = 200_000) {
        self.store = store
        self.maxAge = maxAge
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
        let now = ContinuousClock.now
        let (cached, generation) = state.withLock { ($0.roles[key], $0.generation) }
        if let cached, maxAge.map({ now - cached.at < $0 }) ?? true { return cached.role }
        let role: Role?
        do {
            role = try await store.role(of: user, in: conversation)
        } catch {
            if let cached, now - cached.at < Self.maxAgeWithoutStore { return cached.role }
            throw ParleyError(error)
        }
        if let role {
            state.withLock { state in
                if state.generation == generation { state.roles.insert(Known(role: role, at: now), for: key) }
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
