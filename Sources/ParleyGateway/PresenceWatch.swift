import ParleyCore
import ParleyModel

/// Who of one event loop's connections watches whose presence. On its event loop only.
final class PresenceWatch {
    private let reader: CatchUpReader
    private var watchers: [UserID: [Subscriber]] = [:]
    private var told: [UserID: PresenceState] = [:]

    init(reader: CatchUpReader) {
        self.reader = reader
    }

    var isEmpty: Bool { watchers.isEmpty && told.isEmpty }
    var watchedUsers: [UserID] { Array(watchers.keys) }

    /// The subscriber watches these users and no others.
    func set(_ users: Set<UserID>, for subscriber: Subscriber) {
        forget(subscriber)
        if case .ended = subscriber.phase { return }
        subscriber.watched = users
        for user in users { watchers[user, default: []].append(subscriber) }
    }

    /// A state that was read for one watcher. Where the others were told another one, they are told now.
    func learn(_ user: UserID, _ state: PresenceState) {
        guard watchers[user] != nil else { return }
        if told[user] == nil { told[user] = state } else { tell(user, state) }
    }

    func forget(_ subscriber: Subscriber) {
        for user in subscriber.watched { unwatch(user, subscriber) }
        subscriber.watched = []
    }

    private func unwatch(_ user: UserID, _ subscriber: Subscriber) {
        watchers[user]?.removeAll { $0 === subscriber }
        guard watchers[user]?.isEmpty == true else { return }
        watchers[user] = nil
        told[user] = nil
    }

    /// Tells a state unless it was told before. That somebody is still online is no news, whenever they were last seen: another
    /// of their connections may have ended, or the last one for a moment.
    func tell(_ user: UserID, _ state: PresenceState) {
        guard let watching = watchers[user], told[user] != state else { return }
        if state.online, told[user]?.online == true { return }
        told[user] = state
        let event = OutboundEvent(.presence(user, state))
        for subscriber in watching { subscriber.tell(event, isEphemeral: true) }
    }

    /// Somebody left a conversation: who watched them, or was watched by them, may share none with them any more.
    func recheck(after user: UserID, _ own: [Subscriber], _ part: HubPart) {
        for subscriber in own where !subscriber.watched.isEmpty { recheck(subscriber, Array(subscriber.watched), part) }
        for subscriber in watchers[user] ?? [] where subscriber.user != user { recheck(subscriber, [user], part) }
    }

    private func recheck(_ subscriber: Subscriber, _ users: [UserID], _ part: HubPart) {
        reader.sharing(with: subscriber.user, among: users) { sharing in
            part.onLoop {
                // Whether they still share one cannot be known: nothing is told rather than too much.
                for user in users where user != subscriber.user && sharing?.contains(user) != true && subscriber.watched.contains(user) {
                    subscriber.watched.remove(user)
                    part.watch.unwatch(user, subscriber)
                }
            }
        }
    }
}
