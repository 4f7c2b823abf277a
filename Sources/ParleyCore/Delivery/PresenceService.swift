public import ParleyModel
public import ServiceLifecycle
import Synchronization

/// Who is online: asked by those who share a conversation, and told to those who watch.
///
/// That somebody went offline is told a moment later, and only if it is still so: a phone that changes networks is gone for
/// a second, and nobody wants to see that.
public final class PresenceService: Service {
    /// Seconds between the end of a user's last connection and the event that says so.
    public static let lingerSeconds = 3.0
    private static let stepSeconds = 0.5

    let presence: any Presence
    let conversations: any ConversationStore
    private let bus: any EventBus
    private let timeSource: any TimeSource
    private let attendance: AttendanceKeeper?
    /// Users whose departure is not told yet, and when it is due.
    private let departing = Mutex<[UserID: Timestamp]>([:])

    /// - Parameter attendance: Hears of whoever comes and goes; nil where no notifications are sent.
    public init(
        presence: any Presence, conversations: any ConversationStore, bus: any EventBus, timeSource: any TimeSource,
        attendance: AttendanceKeeper? = nil
    ) {
        self.attendance = attendance
        self.presence = presence
        self.conversations = conversations
        self.bus = bus
        self.timeSource = timeSource
    }

    // MARK: Asking

    public func state(of user: UserID, as caller: Caller) async throws(ParleyError) -> PresenceState {
        guard let state = try await states(of: [user], as: caller)[user] else {
            throw ParleyError(.notAParticipant, "presence is told to those who share a conversation")
        }
        return state
    }

    /// The states of those of `users` whom the caller may ask for.
    public func states(of users: [UserID], as caller: Caller) async throws(ParleyError) -> [UserID: PresenceState] {
        try await states(ofVisible: try await visible(users, to: caller))
    }

    /// Those of `users` whom the caller may ask for: the caller, and who shares a conversation with them.
    public func visible(_ users: [UserID], to caller: Caller) async throws(ParleyError) -> Set<UserID> {
        let asker = try caller.requiredUser()
        do {
            var visible = try await conversations.sharing(with: asker, among: users)
            if users.contains(asker) { visible.insert(asker) }
            return visible
        } catch {
            throw ParleyError(error)
        }
    }

    /// The states of users of whom it is known that they may be asked for.
    public func states(ofVisible users: Set<UserID>) async throws(ParleyError) -> [UserID: PresenceState] {
        do { return try await presence.states(of: Array(users)) } catch { throw ParleyError(error) }
    }

    /// The states of users who are watched, to tell what the bus may have lost. Without those who left a moment ago: of them
    /// it is told when it is sure.
    public func settledStates(of users: [UserID]) async throws(StoreError) -> [UserID: PresenceState] {
        let states = try await presence.states(of: users)
        return departing.withLock { departing in states.filter { departing[$0.key] == nil } }
    }

    /// Renews the leases of users with connections here.
    public func renew(_ users: [UserID]) async { await presence.renew(users) }

    // MARK: Telling

    /// A connection of the user was authenticated here.
    public func arrived(_ user: UserID) async {
        await attendance?.arrived(user)
        let wasOffline = await presence.arrived(user)
        let wasDeparting = departing.withLock { $0.removeValue(forKey: user) != nil }
        guard wasOffline, !wasDeparting, let state = try? await presence.state(of: user) else { return }
        await bus.publish([.presence(user, state)])
    }

    /// Somebody sits at a connection of the user's here again.
    public func returned(_ user: UserID) async {
        await attendance?.arrived(user)
        await presence.turned(user, .attended)
    }

    /// Nobody sits any more at a connection of the user's here; somebody did until then.
    public func turnedAway(_ user: UserID, seenUntil time: Timestamp) async {
        await presence.turned(user, .away)
        attendance?.left(user, seenUntil: time)
    }

    /// A connection of the user has ended here, which stood like this.
    ///
    /// - Parameter time: Until when somebody sat at it, where its client tells of that; nil for until now.
    public func left(_ user: UserID, _ attention: Attention = .attended, seenUntil time: Timestamp? = nil) async {
        let now = timeSource.now()
        // Marked before it is so: who comes back in between finds the mark, and is not told of as somebody new.
        departing.withLock { $0[user] = now.advanced(bySeconds: Self.lingerSeconds) }
        await presence.left(user, attention, at: now)
        if attention == .attended { attendance?.left(user, seenUntil: time ?? now) }
    }

    /// Tells of those who stayed away, until graceful shutdown.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(Self.stepSeconds))
                await self.tellDepartures(at: self.timeSource.now())
            }
        }
    }

    func tellDepartures(at now: Timestamp) async {
        let due = departing.withLock { departing in
            let due = departing.filter { $0.value <= now }.map(\.key)
            for user in due { departing[user] = nil }
            return due
        }
        guard !due.isEmpty, let states = try? await presence.states(of: due) else { return }
        let gone = states.filter { !$0.value.online }
        if !gone.isEmpty { await bus.publish(gone.map { .presence($0.key, $0.value) }) }
    }
}
