import NIOCore
import ParleyCore
import ParleyModel

/// One connection's share of the events: which conversations it hears of, how far each was written, and what it still has
/// to catch up with.
///
/// Live events are written while the connection takes them. What it missed, before it came or because it reads too
/// slowly, is read from the store, page by page and only as fast as it is taken; then it is live again.
///
/// `@unchecked Sendable`: everything is touched on the loop of its ``HubPart`` only.
final class Subscriber: @unchecked Sendable {
    /// How far a connection is on its way to hearing everything.
    enum Phase {
        /// Known by name, for presence and for being told off; hears nothing.
        case arrived
        /// Its conversations are being read. Those that it was removed from meanwhile must not come back.
        case loading(removed: Set<ConversationID>)
        case subscribed
        /// The connection is gone. What was asked before may still come here and must find nothing to write to.
        case ended
    }

    /// Bytes of position hints that may wait beside what a slow reader was already sent.
    static let maxHintBytes = 16_384
    /// Events of one conversation that wait until the client has been shown it. Beyond that, all changes since are read.
    static let maxHeldEvents = 16

    let user: UserID
    let part: HubPart
    var caller: Caller
    /// Not used any more once the phase is `ended`, which it is before the endpoint goes.
    private unowned(unsafe) let endpoint: any EventEndpoint
    private(set) var phase = Phase.arrived
    /// Whether conversations that the user is added to later are heard of too.
    private(set) var hearsAll = true
    private(set) var subscriptions: [ConversationID: Subscription] = [:]
    var watched: Set<UserID> = []

    /// What is not live, in the order in which it will be looked at.
    private var lagging: [Subscription] = []
    /// Views to be read and told; true for those that are new to the client.
    private var dueViews: [ConversationID: Bool] = [:]
    /// What happened in conversations that the client does not know yet; told after their views, which may be older.
    private var held: [ConversationID: [OutboundEvent]] = [:]
    /// Markers to be told after the views, since of a conversation that is new to the client nothing comes before its view;
    /// and only as fast as they are taken.
    private var dueMarkers: [ParticipantMarkers] = []
    /// Since when events other than messages were dropped because the reader is slow.
    private var droppedSince: Timestamp?
    private var isReading = false
    /// What `caught_up` will say, once.
    private var firstCursor: ResumeCursor?
    private var hintBytes = 0
    private var needsFlush = false
    private var lastBeat: UInt32 = 0
    /// Told since the last look for changes that the bus lost.
    private var toldRemovals: Set<ConversationID> = []
    /// Up to when it was looked for changes that the bus lost.
    private var lastLook: Timestamp

    init(user: UserID, caller: Caller, endpoint: any EventEndpoint, part: HubPart) {
        self.user = user
        self.caller = caller
        self.endpoint = endpoint
        self.part = part
        lastLook = part.reader.resume.now()
    }

    // MARK: Subscribing

    /// From now on what happens to the user's conversations counts. False when that was said before, or too late.
    func beginLoading() -> Bool {
        guard case .arrived = phase else { return false }
        phase = .loading(removed: [])
        return true
    }

    /// The plan could not be made; the client may ask again.
    func abandonLoading() {
        if case .loading = phase { phase = .arrived }
    }

    /// Listens to what the plan names, but for conversations that the user has left since.
    func begin(_ plan: ResumePlan, hearsAll: Bool) {
        guard case .loading(let removed) = phase else { return }
        phase = .subscribed
        self.hearsAll = hearsAll
        lastBeat = part.currentTick
        for start in plan.starts where !removed.contains(start.conversationID) && subscriptions[start.conversationID] == nil {
            let subscription = listen(
                to: start.conversationID, from: start.position, newest: start.lastSequence, awaitsView: start.isNew)
            if start.isNew { dueViews[start.conversationID] = true }
            guard let after = start.skippedAfter else { continue }
            let skipped = OutboundEvent(.skipped(start.conversationID, after: after, through: start.position))
            if start.isNew { hold(skipped, of: subscription) } else { write(skipped) }
        }
    }

    /// Tells what changed beside messages; afterwards the missed messages follow, and then `caught_up`.
    func tell(_ changes: ResumeChanges, cursor: ResumeCursor) {
        for id in changes.removed where subscriptions[id] == nil { tell(OutboundEvent(.conversation(.removed(id)))) }
        for id in changes.changed where subscriptions[id] != nil { dueViews[id] = dueViews[id] ?? false }
        dueMarkers += changes.markers
        firstCursor = cursor
        advance()
    }

    private func write(_ markers: ParticipantMarkers) {
        guard subscriptions[markers.conversationID] != nil else { return }
        let (id, other) = (markers.conversationID, markers.userID)
        if markers.lastReadSequence > 0 {
            write(OutboundEvent(.read(ReadMarker(conversationID: id, userID: other, sequenceNumber: markers.lastReadSequence))))
        }
        guard markers.lastDeliveredSequence > markers.lastReadSequence else { return }
        let delivered = DeliveredMarker(conversationID: id, userID: other, sequenceNumber: markers.lastDeliveredSequence)
        write(OutboundEvent(.delivered(delivered)))
    }

    @discardableResult
    private func listen(to conversation: ConversationID, from position: Int64, newest: Int64, awaitsView: Bool) -> Subscription {
        let feed = part.feed(conversation, head: newest)
        let subscription = Subscription(feed, self, position: position, awaitsView: awaitsView)
        feed.add(subscription)
        subscriptions[conversation] = subscription
        if !subscription.isLive { lagging.append(subscription) }
        return subscription
    }

    /// The user is in a conversation since its message `sequence`. The client is shown it before anything happens in it.
    func joined(_ conversation: ConversationID, after sequence: Int64) {
        switch phase {
        case .arrived, .ended: return
        case .loading(var removed):
            removed.remove(conversation)
            phase = .loading(removed: removed)
        case .subscribed: guard hearsAll else { return }
        }
        guard subscriptions[conversation] == nil else { return }
        listen(to: conversation, from: sequence, newest: sequence, awaitsView: true)
        dueViews[conversation] = true
        if case .subscribed = phase { advance() }
    }

    /// Whether something of the conversation may be written.
    func hears(_ conversation: ConversationID) -> Bool {
        switch phase {
        case .arrived, .ended: false
        case .loading(let removed): !removed.contains(conversation)
        case .subscribed: subscriptions[conversation] != nil
        }
    }

    /// The user is in the conversation no more: nothing of it is written from here on (P7).
    func removed(from conversation: ConversationID) {
        if case .loading(var removed) = phase {
            removed.insert(conversation)
            phase = .loading(removed: removed)
        }
        dueViews[conversation] = nil
        if let subscription = subscriptions[conversation] { drop(subscription) }
        if case .subscribed = phase { tell(OutboundEvent(.conversation(.removed(conversation)))) }
    }

    /// The same though no event says so. Since the user may be in it again, it is looked for what else was not told.
    func shutOut(of conversation: ConversationID) {
        if case .subscribed = phase, endpoint.isWritable { toldRemovals.insert(conversation) }
        removed(from: conversation)
        lookForLostChanges()
    }

    private func drop(_ subscription: Subscription) {
        subscriptions[subscription.feed.conversation] = nil
        held[subscription.feed.conversation] = nil
        lagging.removeAll { $0 === subscription }
        part.leave(subscription)
    }

    /// The connection has ended.
    func leaveAll() {
        for subscription in subscriptions.values { part.leave(subscription) }
        subscriptions = [:]
        lagging = []
        dueViews = [:]
        held = [:]
        dueMarkers = []
        phase = .ended
    }

    // MARK: Live events

    /// Messages that have passed the feed. Written when they are the next ones and the reader takes them.
    func offer(_ run: EventRun, to subscription: Subscription) {
        guard subscription.isLive else { return }
        guard run.first == subscription.position + 1, endpoint.isWritable else { return offerEach(run, to: subscription) }
        subscription.position = run.last
        endpoint.write(run)
        needFlush()
    }

    /// A part of the run was written before, or there is no room for all of it.
    private func offerEach(_ run: EventRun, to subscription: Subscription) {
        for (number, event) in run.events where number > subscription.position {
            guard number == subscription.position + 1, endpoint.isWritable else { return fallBehind(subscription) }
            subscription.position = number
            write(event)
        }
    }

    /// An event beside messages. A slow reader is told of what it changed when it reads again.
    func tell(_ event: OutboundEvent, isEphemeral: Bool = false) {
        guard case .subscribed = phase else { return }
        if endpoint.isWritable { return write(event) }
        if !isEphemeral, droppedSince == nil { droppedSince = part.reader.resume.now() }
    }

    /// An event beside messages in a conversation. Nothing of it is told before the client has been shown the conversation.
    func tell(_ event: OutboundEvent, in subscription: Subscription, isEphemeral: Bool = false) {
        guard subscription.awaitsView else { return tell(event, isEphemeral: isEphemeral) }
        if !isEphemeral { hold(event, of: subscription) }
    }

    private func hold(_ event: OutboundEvent, of subscription: Subscription) {
        let conversation = subscription.feed.conversation
        if held[conversation, default: []].count < Self.maxHeldEvents {
            held[conversation, default: []].append(event)
        } else if droppedSince == nil {
            droppedSince = part.reader.resume.now()
        }
    }

    private func write(_ event: OutboundEvent) {
        endpoint.write(event)
        needFlush()
    }

    private func needFlush() {
        guard !needsFlush else { return }
        needsFlush = true
        part.touched(self)
    }

    func flush() {
        needsFlush = false
        endpoint.flush()
    }

    func end(_ code: CloseCode) { endpoint.end(code) }

    // MARK: Slow readers

    private func fallBehind(_ subscription: Subscription) {
        subscription.isLive = false
        lagging.append(subscription)
        if endpoint.isWritable { return advance() }
        hint(subscription)
    }

    /// Says how far the conversation is. Small, and bounded in sum: a reader for whom even that is too much is
    /// disconnected, and catches up when it is back.
    private func hint(_ subscription: Subscription) {
        let newest = subscription.feed.gate.head
        guard newest > subscription.hinted, newest > subscription.position, !subscription.awaitsView else { return }
        let event = OutboundEvent(.behind(subscription.feed.conversation, sequenceNumber: newest))
        hintBytes += event.frame.readableBytes
        guard hintBytes <= Self.maxHintBytes else { return end(.tooSlow) }
        subscription.hinted = newest
        write(event)
    }

    /// The reader has read what waited.
    func becameWritable() {
        hintBytes = 0
        advance()
    }

    // MARK: Catching up

    /// Does the next thing that is left to do, if there is room for it and nothing else is under way: what was dropped,
    /// then views, then markers, then missed messages, then `caught_up`.
    func advance() {
        guard case .subscribed = phase, !isReading, endpoint.isWritable else { return }
        if let since = droppedSince { return readDropped(since) }
        if !dueViews.isEmpty { return readViews() }
        while let marker = dueMarkers.popLast() {
            write(marker)
            guard endpoint.isWritable else { return }
        }
        while let subscription = lagging.first {
            if subscription.position < subscription.feed.gate.newest || subscription.awaitsView { return readPage(subscription) }
            subscription.isLive = true
            subscription.hinted = 0
            lagging.removeFirst()
        }
        if let cursor = firstCursor {
            firstCursor = nil
            write(OutboundEvent(.caughtUp(cursor: cursor.text), cursor: cursor))
        }
    }

    private func readPage(_ subscription: Subscription) {
        isReading = true
        let (after, conversation) = (subscription.position, subscription.feed.conversation)
        part.reader.page(of: conversation, after: after) { page in
            self.part.onLoop { self.took(page, after: after, of: conversation) }
        }
    }

    private func took(_ page: CatchUpReader.Page?, after: Int64, of conversation: ConversationID) {
        isReading = false
        // A store that does not answer is asked again at the next tick.
        guard let page, !page.events.isEmpty, let subscription = subscriptions[conversation], subscription.position == after else { return }
        for (number, event) in page.events where number == subscription.position + 1 {
            subscription.position = number
            write(event)
        }
        // The next conversation gets its turn: one with a long past does not keep the others waiting.
        if let first = lagging.first, first === subscription, lagging.count > 1 {
            lagging.removeFirst()
            lagging.append(first)
        }
        advance()
    }

    private func readViews() {
        isReading = true
        let ids = Array(dueViews.keys.prefix(ResumeService.viewsPerRead))
        part.reader.views(of: ids, for: user) { views in
            self.part.onLoop { self.took(views, of: ids) }
        }
    }

    private func took(_ views: [ConversationView]?, of ids: [ConversationID]) {
        isReading = false
        guard let views else { return }
        let now = part.reader.resume.now()
        for view in views {
            let id = view.conversation.id
            guard let isNew = dueViews[id] else { continue }
            // That the user joined was lost on the way: the conversation begins with its view.
            let last = view.conversation.lastSequence
            let subscription = subscriptions[id] ?? listen(to: id, from: last, newest: last, awaitsView: true)
            subscription.awaitsView = false
            write(OutboundEvent(.conversation(isNew ? .added(view, at: now) : .refreshed(view, at: now))))
            for event in held.removeValue(forKey: id) ?? [] { write(event) }
        }
        for id in ids where dueViews.removeValue(forKey: id) != nil {
            // No view: the user was removed a moment ago, and the event that says so is on its way.
            if let subscription = subscriptions[id], subscription.awaitsView { drop(subscription) }
        }
        advance()
    }

    private func readDropped(_ since: Timestamp) {
        isReading = true
        droppedSince = nil
        part.reader.missedChanges(of: user, since: since) { missed in
            self.part.onLoop { self.took(missed, since: since) }
        }
    }

    private func took(_ missed: MissedChanges?, since: Timestamp) {
        isReading = false
        guard let missed else {
            droppedSince = since
            return
        }
        for id in missed.left {
            if subscriptions[id] != nil {
                removed(from: id)
            } else if !toldRemovals.contains(id) {
                tell(OutboundEvent(.conversation(.removed(id))))
            }
        }
        toldRemovals = []
        for id in missed.conversations {
            if subscriptions[id] != nil { dueViews[id] = dueViews[id] ?? false } else if hearsAll { dueViews[id] = true }
        }
        dueMarkers += missed.markers
        advance()
    }

    // MARK: Time

    /// Once a second: what could not be done before is tried again, and a slow reader hears how far things are.
    func tick() {
        guard isBehind else { return }
        if endpoint.isWritable { return advance() }
        for subscription in lagging { hint(subscription) }
    }

    /// The heartbeat's event: the newest numbers of what changed since the last one, and where to resume from.
    func beat() {
        guard endpoint.isWritable else { return }
        guard case .subscribed = phase else { return write(part.plainHeartbeat) }
        let sequences = part.changes(since: lastBeat, of: subscriptions)
        lastBeat = part.currentTick
        write(part.heartbeat(sequences, isComplete: !isBehind))
        lookForLostChanges()
    }

    /// Whether something that happened before now is still to be told.
    private var isBehind: Bool {
        !lagging.isEmpty || !dueViews.isEmpty || !dueMarkers.isEmpty || droppedSince != nil || firstCursor != nil
    }

    /// On a bus that loses events, what changed since the last look is told again.
    func lookForLostChanges() {
        guard part.configuration.busLosesEvents else { return }
        switch phase {
        case .loading, .subscribed: break
        case .arrived, .ended: return
        }
        droppedSince = droppedSince ?? lastLook
        lastLook = part.reader.resume.now()
        advance()
    }
}
