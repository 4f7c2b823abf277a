import ParleyCore
import ParleyModel

/// Who of one event loop's connections watches whose presence. On its event loop only.
final class PresenceWatch {
    private let reader: CatchUpReader
    private var watchers: [UserID: [Subscriber]] = [:]
    private var told: [UserID: PresenceState] = [:]
    /// When each was last heard of, in events. What was read before that is older, whenever it comes here.
    private var heard: [UserID: Mark] = [:]
    private(set) var mark = Mark()

    /// A moment, to be taken before states are read.
    struct Mark: Comparable {
        private var events = 0

        static func < (left: Mark, right: Mark) -> Bool { left.events < right.events }

        fileprivate mutating func advance() { events += 1 }
    }

    init(reader: CatchUpReader) {
        self.reader = reader
    }

    var isEmpty: Bool { watchers.isEmpty && told.isEmpty && heard.isEmpty }
    var watchedUsers: [UserID] { Array(watchers.keys) }

    /// The subscriber watches these users and no others.
    func set(_ users: Set<UserID>, for subscriber: Subscriber) {
        forget(subscriber)
        if case .ended = subscriber.phase { return }
        subscriber.watched = users
        for user in users { watchers[user, default: []].append(subscriber) }
    }

    /// States that were read for one watcher, after the mark; returns what they are by now. Where the others were told another one,
    /// they are told now.
    func learn(_ states: [UserID: PresenceState], since mark: Mark) -> [UserID: PresenceState] {
        for (user, state) in states where watchers[user] != nil && !wasHeard(user, since: mark) {
            if told[user] == nil { told[user] = state } else { tell(user, state) }
        }
        return Dictionary(
            uniqueKeysWithValues: states.map { user, state in (user, wasHeard(user, since: mark) ? told[user] ?? state : state) })
    }

    /// States that were read after the mark, in case an event was lost.
    func refresh(_ states: [UserID: PresenceState], since mark: Mark) {
        for (user, state) in states where !wasHeard(user, since: mark) { tell(user, state) }
    }

    /// An event of the bus.
    func hear(_ user: UserID, _ state: PresenceState) {
        guard watchers[user] != nil else { return }
        mark.advance()
        heard[user] = mark
        tell(user, state)
    }

    private func wasHeard(_ user: UserID, since mark: Mark) -> Bool { heard[user].map { $0 > mark } ?? false }

    func forget(_ subscriber: Subscriber) {
        for user in subscriber.watched { unwatch(user, subscriber) }
        subscriber.watched = []
    }

    private func unwatch(_ user: UserID, _ subscriber: Subscriber) {
        watchers[user]?.removeAll { $0 === subscriber }
        guard watchers[user]?.isEmpty == true else { return }
        watchers[user] = nil
        told[user] = nil
        heard[user] = nil
    }

    /// Tells a state unless it was told before. That somebody is still online is no news, whenever they were last seen: another
    /// of their connections may have ended, or the last one for a moment.
    private func tell(_ user: UserID, _ state: PresenceState) {
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
