import CoreMetrics
import NIOCore
import ParleyCore
import ParleyModel
import Synchronization

/// One event loop's share of the hub.
///
/// `@unchecked Sendable`: everything but the constants and the inbox is touched on `loop` only, which each method asserts.
final class HubPart: @unchecked Sendable {
    let loop: any EventLoop
    let reader: CatchUpReader
    private let bus: any EventBus
    let configuration: GatewayConfiguration

    private var feeds: [ConversationID: ConversationFeed] = [:]
    private var byUser: [UserID: [Subscriber]] = [:]
    private var connections: [ObjectIdentifier: any OpenConnection] = [:]
    let watch: PresenceWatch
    private let newest: NewestNumbers
    private var touchedSubscribers: [Subscriber] = []
    /// Feeds with messages that have passed and are not handed on yet.
    private var feedsWithRuns: [ConversationFeed] = []
    /// Conversations whose feed has a gap.
    private var gaps: Set<ConversationID> = []
    private let inbox = Mutex<[Delivery]>([])
    /// Nanoseconds for which events gather before they are delivered.
    private let gathering = Atomic<Int64>(0)

    // Time, in ticks of a second.
    private var ticker: RepeatedTask?
    private(set) var currentTick: UInt32 = 1
    private var recentChanges: [ConversationID: UInt32] = [:]
    /// Everything up to here has passed every feed; and what was found last, which may still have gaps before it.
    private var confirmed: ResumeCursor?
    private var found: ResumeCursor?
    private var sharedHeartbeat: (tick: UInt32, cursor: ResumeCursor?, event: OutboundEvent)?

    private let sockets = Meter(label: "parley_sockets_authenticated")
    private let delivered = Counter(label: "parley_events_delivered_total")
    private let gapsFound = Counter(label: "parley_bus_gaps_total")
    private var deliveredCount = 0

    init(loop: any EventLoop, reader: CatchUpReader, bus: any EventBus, configuration: GatewayConfiguration) {
        self.loop = loop
        self.reader = reader
        self.bus = bus
        self.configuration = configuration
        watch = PresenceWatch(reader: reader)
        newest = NewestNumbers { [resume = reader.resume] mark async throws(StoreError) in try await resume.heads(after: mark) }
    }

    // MARK: From other threads

    /// Takes events in order. However many batches come before the loop gets to them, each connection is flushed once.
    func enqueue(_ deliveries: [Delivery]) {
        let isFirst = inbox.withLock { inbox in
            defer { inbox += deliveries }
            return inbox.isEmpty
        }
        guard isFirst, !deliveries.isEmpty else { return }
        let pause = gathering.load(ordering: .relaxed)
        if pause > 0 {
            _ = loop.scheduleTask(in: .nanoseconds(pause)) { self.deliverInbox() }
        } else {
            loop.execute { self.deliverInbox() }
        }
    }

    private func deliverInbox() {
        let deliveries = inbox.withLock { inbox in
            defer { inbox = [] }
            return inbox
        }
        let start = loop.now
        deliver(deliveries)
        gathering.store(Self.pause(after: loop.now - start), ordering: .relaxed)
    }

    /// How long the next events gather after events that took so long to write: a sixteenth of it, and never more than five
    /// milliseconds. Where a message goes to ten thousand connections, a second one that comes along in the same walk costs
    /// next to nothing; where there are few connections, nothing waits.
    static func pause(after took: TimeAmount) -> Int64 {
        took < .milliseconds(4) ? 0 : min(took.nanoseconds / 16, 5_000_000)
    }

    /// Runs `body` on the loop, and lets what it wrote leave.
    func onLoop(_ body: @escaping @Sendable () -> Void) {
        loop.execute {
            body()
            self.flushTouched()
        }
    }

    /// Returns when everything that was stored after the mark and before this call is on its way to ``learn(_:cursor:)``.
    func learnNewest(after mark: ActivityMark) async throws(StoreError) {
        // What is stored from then on comes over the bus.
        await bus.listens()
        try await newest.read(after: mark) { heads in self.onLoop { self.learn(heads.sequences, cursor: nil) } }
    }

    // MARK: Connections

    /// From now on the connection is told how time passes.
    func open(_ connection: any OpenConnection) {
        loop.assertInEventLoop()
        connections[ObjectIdentifier(connection)] = connection
        guard ticker == nil else { return }
        ticker = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in self.tick() }
    }

    func close(_ connection: any OpenConnection) {
        loop.assertInEventLoop()
        connections[ObjectIdentifier(connection)] = nil
        guard connections.isEmpty else { return }
        ticker?.cancel()
        ticker = nil
    }

    /// Enters an authenticated connection. It hears nothing before it subscribes.
    func enter(_ subscriber: Subscriber) {
        loop.assertInEventLoop()
        byUser[subscriber.user, default: []].append(subscriber)
        sockets.increment()
    }

    func leave(_ subscriber: Subscriber) {
        loop.assertInEventLoop()
        subscriber.leaveAll()
        watch.forget(subscriber)
        touchedSubscribers.removeAll { $0 === subscriber }
        guard let place = byUser[subscriber.user]?.firstIndex(where: { $0 === subscriber }) else { return }
        byUser[subscriber.user]?.remove(at: place)
        if byUser[subscriber.user]?.isEmpty == true { byUser[subscriber.user] = nil }
        sockets.decrement()
    }

    /// The server stops: every connection is told.
    func drain() {
        loop.assertInEventLoop()
        for connection in Array(connections.values) { connection.drain() }
        flushTouched()
    }

    /// Events were lost until now: nobody waits for a heartbeat to learn of it (P7).
    func lookForLostChanges() {
        loop.assertInEventLoop()
        for subscribers in byUser.values {
            for subscriber in subscribers { subscriber.lookForLostChanges() }
        }
    }

    /// Departures that the bus may have told or not (P7). The events may be on their way; who still listens after a moment is
    /// shut out.
    func departed(_ departures: [Departure]) {
        loop.assertInEventLoop()
        _ = loop.assumeIsolated().scheduleTask(in: .milliseconds(configuration.gapPatienceMilliseconds)) {
            for departure in departures { self.shutOut(departure.userID, of: departure.conversationID) }
            self.flushTouched()
        }
    }

    private func shutOut(_ user: UserID, of conversation: ConversationID) {
        let listeners = (byUser[user] ?? []).filter { $0.hears(conversation) }
        for subscriber in listeners { subscriber.shutOut(of: conversation) }
        if !listeners.isEmpty { watch.recheck(after: user, listeners, self) }
    }

    /// Whether nobody is here and nothing is kept of those who were.
    var isEmpty: Bool {
        loop.assertInEventLoop()
        return feeds.isEmpty && byUser.isEmpty && connections.isEmpty && gaps.isEmpty && watch.isEmpty
    }

    // MARK: Feeds

    /// The conversation's feed; a new one begins behind message `head`, which is the newest one that is known.
    func feed(_ conversation: ConversationID, head: Int64) -> ConversationFeed {
        if let feed = feeds[conversation] {
            learn(head, of: feed)
            return feed
        }
        let feed = ConversationFeed(conversation, head: head)
        feeds[conversation] = feed
        bus.subscribe([conversation])
        return feed
    }

    func leave(_ subscription: Subscription) {
        let feed = subscription.feed
        feed.remove(subscription)
        guard feed.subscriptions.isEmpty else { return }
        feeds[feed.conversation] = nil
        bus.unsubscribe([feed.conversation])
        gaps.remove(feed.conversation)
    }

    /// Writes each event to the connections it is for, and flushes each once.
    func deliver(_ deliveries: [Delivery]) {
        loop.assertInEventLoop()
        for delivery in deliveries { deliver(delivery) }
        handOnRuns()
        flushTouched()
        if deliveredCount > 0 { delivered.increment(by: deliveredCount) }
        deliveredCount = 0
    }

    private func deliver(_ delivery: Delivery) {
        if case .message(let id, let number, let event) = delivery {
            if let feed = feeds[id] { receive(number, event, feed) }
            return
        }
        // Other events must not overtake messages: what somebody who leaves was sent before, they are still sent.
        handOnRuns()
        switch delivery {
        case .message: break
        case .created(let id, let users):
            for user in users { for subscriber in byUser[user] ?? [] { subscriber.joined(id, after: 0) } }
        case .joined(let change, let last, let event):
            // Those who join are not told that they did: they are shown the conversation.
            tell(event, in: change.conversationID)
            for subscriber in byUser[change.userID] ?? [] { subscriber.joined(change.conversationID, after: last) }
        case .left(let change, let event):
            for subscriber in byUser[change.userID] ?? [] { subscriber.removed(from: change.conversationID) }
            tell(event, in: change.conversationID)
            watch.recheck(after: change.userID, byUser[change.userID] ?? [], self)
        case .toConversation(let id, let event): tell(event, in: id)
        case .typing(let id, let user, let event): tell(event, in: id, isEphemeral: true) { $0 != user }
        case .toUser(let user, let id, let event):
            tell(event, to: user, in: id)
        case .read(let id, let user, let own, let others):
            tell(own, to: user, in: id)
            if let others { tell(others, in: id) { $0 != user } }
        case .presence(let user, let state): watch.hear(user, state)
        case .revoked(let user, let before):
            for subscriber in byUser[user] ?? [] where TokenRevocations.isRevoked(subscriber.caller, before: before) {
                subscriber.end(.tokenRevoked)
            }
        }
    }

    private func tell(
        _ event: OutboundEvent, in conversation: ConversationID, isEphemeral: Bool = false, if isMeant: (UserID) -> Bool = { _ in true }
    ) {
        guard let feed = feeds[conversation] else { return }
        for subscription in feed.subscriptions where isMeant(subscription.subscriber.user) {
            subscription.subscriber.tell(event, in: subscription, isEphemeral: isEphemeral)
        }
    }

    private func tell(_ event: OutboundEvent, to user: UserID, in conversation: ConversationID) {
        for subscriber in byUser[user] ?? [] {
            if let subscription = subscriber.subscriptions[conversation] { subscriber.tell(event, in: subscription) }
        }
    }

    // MARK: Messages in order

    private func receive(_ number: Int64, _ event: OutboundEvent, _ feed: ConversationFeed) {
        switch feed.gate.receive(number, event) {
        case .passes:
            pass(number, event, feed)
            while let (number, event) = feed.gate.next() { pass(number, event, feed) }
            if !feed.gate.hasGap, !gaps.isEmpty { closed(feed) }
        case .repeated: break
        case .early: noticeGap(feed)
        }
    }

    private func pass(_ number: Int64, _ event: OutboundEvent, _ feed: ConversationFeed) {
        if feed.run?.append(number, event) == true { return }
        if let full = feed.run { handOn(full, feed) } else { feedsWithRuns.append(feed) }
        feed.run = EventRun(number, event)
    }

    private func handOnRuns() {
        guard !feedsWithRuns.isEmpty else { return }
        for feed in feedsWithRuns {
            if let run = feed.run { handOn(run, feed) }
            feed.run = nil
        }
        feedsWithRuns.removeAll(keepingCapacity: true)
    }

    private func handOn(_ run: EventRun, _ feed: ConversationFeed) {
        feed.changedTick = currentTick
        recentChanges[feed.conversation] = currentTick
        deliveredCount += feed.subscriptions.count * run.events.count
        // A slow reader may be disconnected on the way and leave the feed: the walk goes over the list as it was.
        for subscription in feed.subscriptions { subscription.subscriber.offer(run, to: subscription) }
    }

    private func learn(_ number: Int64, of feed: ConversationFeed) {
        feed.gate.learn(number)
        if feed.gate.hasGap { noticeGap(feed) }
    }

    /// What is missing may be on its way; after a moment it is read from the store.
    private func noticeGap(_ feed: ConversationFeed) {
        gaps.insert(feed.conversation)
        guard !feed.isFilling else { return }
        feed.isFilling = true
        fill(feed, in: .milliseconds(configuration.gapPatienceMilliseconds))
    }

    private func fill(_ feed: ConversationFeed, in delay: TimeAmount) {
        _ = loop.assumeIsolated().scheduleTask(in: delay) {
            guard self.feeds[feed.conversation] === feed else { return }
            guard feed.gate.hasGap else {
                feed.isFilling = false
                return self.closed(feed)
            }
            self.gapsFound.increment()
            let id = feed.conversation
            self.reader.page(of: id, after: feed.gate.head) { page in
                self.onLoop { self.filled(id, page) }
            }
        }
    }

    private func filled(_ conversation: ConversationID, _ page: CatchUpReader.Page?) {
        guard let feed = feeds[conversation], feed.isFilling else { return }
        let before = feed.gate.head
        for (number, event) in page?.events ?? [] { receive(number, event, feed) }
        handOnRuns()
        // Without progress the store is down or behind: it is asked again, not without end at once.
        fill(feed, in: feed.gate.head > before ? .nanoseconds(0) : .milliseconds(500))
    }

    private func closed(_ feed: ConversationFeed) {
        gaps.remove(feed.conversation)
        if gaps.isEmpty { confirmed = found ?? confirmed }
    }

    /// The newest numbers that the store knows of; with a cursor when they are all that came since the last such list.
    func learn(_ sequences: [ConversationID: Int64], cursor: ResumeCursor?) {
        loop.assertInEventLoop()
        for (conversation, number) in sequences {
            if let feed = feeds[conversation] { learn(number, of: feed) }
        }
        guard let cursor else { return }
        found = cursor
        if gaps.isEmpty { confirmed = cursor }
    }

    // MARK: Leaving in one flush

    func touched(_ subscriber: Subscriber) { touchedSubscribers.append(subscriber) }

    func flushTouched() {
        loop.assertInEventLoop()
        // Flushing may make a connection writable and so let it write on.
        while let subscriber = touchedSubscribers.popLast() { subscriber.flush() }
    }

    // MARK: Time

    private func tick() {
        currentTick += 1
        let now = loop.now
        for connection in connections.values { connection.tick(now) }
        forgetOldChanges()
        flushTouched()
    }

    private func forgetOldChanges() {
        let oldest = currentTick &- UInt32(2 * configuration.heartbeatSeconds)
        guard currentTick.isMultiple(of: 16), currentTick > UInt32(2 * configuration.heartbeatSeconds) else { return }
        recentChanges = recentChanges.filter { $0.value >= oldest }
    }

    /// The newest numbers of those conversations that got messages since that tick. Walks the shorter of the two lists.
    func changes(since tick: UInt32, of subscriptions: [ConversationID: Subscription]) -> [ConversationID: Int64] {
        var sequences: [ConversationID: Int64] = [:]
        if recentChanges.count < subscriptions.count {
            for (id, changed) in recentChanges where changed >= tick {
                if let subscription = subscriptions[id] { sequences[id] = subscription.feed.gate.head }
            }
        } else {
            for (id, subscription) in subscriptions where subscription.feed.changedTick >= tick {
                sequences[id] = subscription.feed.gate.head
            }
        }
        return sequences
    }

    /// A heartbeat; without changes all connections share the bytes of one.
    func heartbeat(_ sequences: [ConversationID: Int64], isComplete: Bool) -> OutboundEvent {
        let cursor = isComplete ? confirmed : nil
        if sequences.isEmpty, let shared = sharedHeartbeat, shared.tick == currentTick, shared.cursor == cursor { return shared.event }
        let heartbeat = Heartbeat(serverTime: reader.resume.now(), cursor: cursor?.text, sequences: sequences)
        let event = OutboundEvent(.heartbeat(heartbeat), cursor: cursor)
        if sequences.isEmpty { sharedHeartbeat = (currentTick, cursor, event) }
        return event
    }

    var plainHeartbeat: OutboundEvent { heartbeat([:], isComplete: false) }
}
