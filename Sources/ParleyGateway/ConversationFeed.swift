import NIOCore
import ParleyCore
import ParleyModel

/// One conversation on one event loop: its events in order, and who listens. It is here as long as somebody listens.
final class ConversationFeed {
    let conversation: ConversationID
    var gate: SequenceGate<OutboundEvent>
    /// Which beat its last message came in.
    var changedTick: UInt32 = 0
    /// What has passed the gate and is not handed on yet.
    var run: EventRun?
    /// Whether somebody is on the way to close a gap.
    var isFilling = false
    private(set) var subscriptions: [Subscription] = []

    init(_ conversation: ConversationID, head: Int64) {
        self.conversation = conversation
        gate = SequenceGate(head: head)
    }

    func add(_ subscription: Subscription) {
        subscription.place = subscriptions.count
        subscriptions.append(subscription)
    }

    /// The last one takes its place: leaving costs the same in a group of any size.
    func remove(_ subscription: Subscription) {
        let last = subscriptions.removeLast()
        guard last !== subscription else { return }
        last.place = subscription.place
        subscriptions[last.place] = last
    }
}

/// One connection's part in one conversation. The connection is written message `position + 1` next, and nothing else: so
/// it sees each message once and in order, whatever comes when (P6).
final class Subscription {
    let feed: ConversationFeed
    /// The subscriber keeps its subscriptions, and takes them out of their feeds before it goes; so this is never used when
    /// it is gone, and a walk over ten thousand of them need not count references.
    unowned(unsafe) let subscriber: Subscriber
    /// The last number that was written to the connection, or that it has from before.
    var position: Int64
    /// Whether events are written as they come. Otherwise what is missing is read from the store first.
    var isLive: Bool
    /// The client does not know the conversation yet: its view is on the way, and nothing may be told before.
    var awaitsView: Bool
    /// The number of the last position hint.
    var hinted: Int64 = 0
    /// Where it stands in its feed.
    fileprivate(set) var place = 0

    init(_ feed: ConversationFeed, _ subscriber: Subscriber, position: Int64, awaitsView: Bool) {
        self.feed = feed
        self.subscriber = subscriber
        self.position = position
        self.awaitsView = awaitsView
        isLive = position >= feed.gate.newest && !awaitsView
    }
}
