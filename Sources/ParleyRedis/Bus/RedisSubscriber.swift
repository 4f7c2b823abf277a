import Foundation
import Logging
import ParleyCore
import ParleyEngines
import ParleyModel
import Synchronization

/// Listens: one connection on one thread, subscribed to what every node hears and to the conversations that are wanted.
/// (https://redis.io/docs/latest/develop/pubsub/)
///
/// A server closes the connection of a subscriber that is 32 MB behind, or 8 MB for a minute, if it is not told otherwise
/// (`client-output-buffer-limit pubsub`). It is then an outage like any other: connect, subscribe, look at the store.
final class RedisSubscriber: Sendable {
    /// Conversations in one `SUBSCRIBE`, two channels each.
    private static let batch = 500

    private struct State {
        var ledger = SubscriptionLedger()
        var settling: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
        var isRunning = true
        /// Whether there was a time without a connection that somebody must be told of.
        var hasMissed = false
    }

    private let configuration: RedisConfiguration
    private let state = Mutex(State())
    private let ended = NSCondition()
    private let pipe = WakeUpPipe()
    private let outage: OutageLog
    private let inbox: BusInbox

    /// Starts the thread. On it the inbox gets what comes, in the order of the server, and is told when all that is wanted is
    /// subscribed to again after a time without a connection.
    init(_ configuration: RedisConfiguration, logger: Logger, inbox: BusInbox) {
        self.configuration = configuration
        self.inbox = inbox
        outage = OutageLog(logger, connection: Self.name)
        let thread = Thread { self.work(RedisConnection(configuration, name: Self.name)) }
        thread.name = Self.name
        thread.start()
    }

    /// Of the connection, and of the thread, which Linux gives 15 characters.
    private static let name = "parley-listen"

    func subscribe(_ conversations: [ConversationID]) {
        if state.withLock({ $0.ledger.add(conversations) }) { pipe.wake() }
    }

    func unsubscribe(_ conversations: [ConversationID]) {
        if state.withLock({ $0.ledger.remove(conversations) }) { pipe.wake() }
    }

    func wants(_ conversation: ConversationID) -> Bool { state.withLock { $0.ledger.wants(conversation) } }

    /// Returns when the server has confirmed all that is wanted, or at the end.
    func settled() async {
        await withCheckedContinuation { continuation in
            let isSettled = state.withLock { state in
                if state.ledger.isSettled || state.isClosed { return true }
                state.settling.append(continuation)
                return false
            }
            if isSettled { continuation.resume() }
        }
    }

    /// Returns when the server has confirmed all that is wanted, when there is no connection, or after a second. It looks rather
    /// than waits: the answer is mostly there at the first look.
    func listens() async {
        var pause = 1
        while !Task.isCancelled, pause < 512, state.withLock({ $0.ledger.isOpen && !$0.ledger.isSettled }) {
            try? await Task.sleep(for: .milliseconds(pause))
            pause *= 2
        }
    }

    /// Returns when the connection is closed. It blocks: not for tasks and event loops.
    func close() {
        let settling = state.withLock { state in
            defer { state.settling = [] }
            state.isClosed = true
            return state.settling
        }
        for continuation in settling { continuation.resume() }
        pipe.wake()
        ended.lock()
        while state.withLock({ $0.isRunning }) { ended.wait() }
        ended.unlock()
    }

    // MARK: On the thread

    private var isClosed: Bool { state.withLock { $0.isClosed } }

    private func work(_ connection: RedisConnection) {
        var backoff = Backoff(longest: 1)
        while !isClosed {
            do throws(StoreError) {
                try connection.connect()
                try open(connection)
                while !isClosed {
                    if try step(connection) { backoff.reset() }
                }
            } catch {
                connection.close()
                missed(error)
                rest(until: .now + .seconds(backoff.next()))
            }
        }
        connection.close()
        state.withLock { $0.isRunning = false }
        ended.lock()
        ended.broadcast()
        ended.unlock()
    }

    private func rest(until end: ContinuousClock.Instant) {
        while !isClosed, end > .now {
            _ = pipe.wait(for: -1, seconds: max(0, (end - .now) / .seconds(1)))
        }
    }

    private func missed(_ error: StoreError) {
        state.withLock { state in
            state.ledger.closed()
            state.hasMissed = true
        }
        outage.noticed(error)
    }

    private func open(_ connection: RedisConnection) throws(StoreError) {
        state.withLock { state in
            state.ledger.opened()
            state.ledger.sent(channels: 1)
        }
        try connection.append(RedisCommand("SUBSCRIBE", BusChannel.everybody.name))
        try connection.flush()
        outage.ended()
    }

    /// Tells the server of one batch, and takes what it has sent. Between batches it is listened to, so that its
    /// confirmations never pile up. True when something came.
    private func step(_ connection: RedisConnection) throws(StoreError) -> Bool {
        let batch = state.withLock { $0.ledger.next(Self.batch) }
        if let batch { try tell(batch, connection) }
        if pipe.wait(for: connection.fileDescriptor, seconds: batch == nil ? configuration.pingSeconds : 0) {
            try take(try connection.readAvailable())
            return true
        }
        if batch == nil, connection.secondsOfSilence >= configuration.pingSeconds { try ping(connection) }
        return false
    }

    private func tell(_ batch: SubscriptionLedger.Batch, _ connection: RedisConnection) throws(StoreError) {
        for (word, conversations) in [("SUBSCRIBE", batch.subscribe), ("UNSUBSCRIBE", batch.unsubscribe)] where !conversations.isEmpty {
            var command = RedisCommand(word)
            for id in conversations {
                command.add(BusChannel.messages(id).name)
                command.add(BusChannel.conversation(id).name)
            }
            state.withLock { $0.ledger.sent(channels: 2 * conversations.count) }
            try connection.append(command)
        }
        try connection.flush()
    }

    private func ping(_ connection: RedisConnection) throws(StoreError) {
        guard connection.secondsOfSilence < 3 * configuration.pingSeconds else {
            throw .unavailable("redis: nothing was heard from \(configuration.url.address) for some time")
        }
        try connection.append(RedisCommand("PING"))
        try connection.flush()
    }

    private func take(_ replies: [RedisReply]) throws(StoreError) {
        var payloads: [BusPayload] = []
        var confirmed = 0
        for reply in replies {
            // An error means that something was not subscribed to.
            guard case .array(let parts) = try reply.checked(), parts.count == 3,
                let kind = parts[0].text.map({ String(decoding: $0, as: UTF8.self) })
            else { continue }
            switch kind {
            case "message":
                guard let name = parts[1].text, let channel = BusChannel(String(decoding: name, as: UTF8.self)) else { continue }
                if let bytes = parts[2].text { payloads.append(BusPayload(channel: channel, bytes: bytes)) }
            case "subscribe", "unsubscribe": confirmed += 1
            default: break
            }
        }
        if !payloads.isEmpty { inbox.receive(payloads) }
        if confirmed > 0 { settle(confirmed) }
    }

    private func settle(_ channels: Int) {
        let (settling, hasMissed) = state.withLock { state -> ([CheckedContinuation<Void, Never>], Bool) in
            state.ledger.confirmed(channels: channels)
            guard state.ledger.isSettled else { return ([], false) }
            defer { (state.settling, state.hasMissed) = ([], false) }
            return (state.settling, state.hasMissed)
        }
        if hasMissed { inbox.tellReconnected() }
        for continuation in settling { continuation.resume() }
    }
}
