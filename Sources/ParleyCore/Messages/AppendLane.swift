public import Logging
public import ParleyModel
public import ServiceLifecycle
import Synchronization

/// Where creates wait for their commit. While one batch is being written the next one gathers, so that latency stays one
/// commit and throughput is many messages a commit. Messages leave in the order in which they came.
///
/// The queue is bounded in number and in time (P8): a create that finds it full, or that has waited too long when its
/// turn comes, is refused as overloaded, and nothing of it is stored.
public final class AppendLane: Service {
    public struct Configuration: Sendable {
        /// Creates that may wait.
        public var maxDepth = 4096
        /// Messages in one batch.
        public var maxBatch = 256
        /// Seconds a create may wait for its turn.
        public var maxWaitSeconds = 10.0

        public init() {}
    }

    /// A stored message with what the later steps need of it, encoded once.
    public struct Stored: Sendable {
        public let enriched: EnrichedMessage
        public let position: LogPosition
        public let json: [UInt8]
        public let preview: String
    }

    public enum Outcome: Sendable {
        case stored(Stored)
        case repeated(Message)
        case noConversation
    }

    private struct Entry {
        let message: NewMessage
        let media: [Media]
        let arrivedAt: Timestamp
        let continuation: CheckedContinuation<Result<Outcome, ParleyError>, Never>
    }

    private struct State {
        var waiting: [Entry] = []
        var isClosed = false
        /// Set while `run` has nothing to do.
        var sleeper: CheckedContinuation<Void, Never>?
    }

    private let store: any MessageStore
    private let configuration: Configuration
    private let timeSource: any TimeSource
    private let logger: Logger
    private let instruments: MessageInstruments
    private let activity: CreateActivity
    private let ledger: EffectLedger?
    private let permit: AppendPermit
    private let effects: @Sendable ([Stored], _ areApplied: Bool) async -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - ledger: Is told of messages that will not be stored; those that are, or may be, are for the effects to settle.
    ///   - permit: Asked before a batch is stored, and again before its creates are answered.
    ///   - effects: Handed each batch after its creates have been answered, in order, one batch at a time; and whether the
    ///     metadata are applied.
    public init(
        store: any MessageStore, configuration: Configuration = .init(), timeSource: any TimeSource, instruments: MessageInstruments,
        activity: CreateActivity = CreateActivity(), ledger: EffectLedger? = nil, permit: AppendPermit = .always, logger: Logger,
        effects: @escaping @Sendable (_ stored: [Stored], _ areApplied: Bool) async -> Void
    ) {
        self.ledger = ledger
        self.permit = permit
        self.store = store
        self.configuration = configuration
        self.timeSource = timeSource
        self.instruments = instruments
        self.activity = activity
        self.logger = logger
        self.effects = effects
    }

    /// Waits for the message's batch to be durable. Not cancellable: once in the queue the outcome is waited for, since
    /// the message may be stored.
    public func append(_ message: NewMessage, media: [Media]) async throws(ParleyError) -> Outcome {
        let arrivedAt = timeSource.now()
        activity.created(at: arrivedAt)
        let result = await withCheckedContinuation { continuation in
            let entry = Entry(message: message, media: media, arrivedAt: arrivedAt, continuation: continuation)
            let (refusal, sleeper) = state.withLock { state -> (ParleyError?, CheckedContinuation<Void, Never>?) in
                if state.isClosed { return (ParleyError(.shuttingDown, "the server is shutting down"), nil) }
                guard state.waiting.count < configuration.maxDepth else { return (Self.overloaded, nil) }
                state.waiting.append(entry)
                return (nil, state.sleeper.take())
            }
            if let refusal { refuse(entry, refusal) }
            sleeper?.resume()
        }
        return try result.get()
    }

    private static let overloaded = ParleyError(.overloaded, "too many messages are waiting to be stored", retryAfterSeconds: 1)

    /// Creates that wait.
    public var depth: Int { state.withLock { $0.waiting.count } }

    /// Writes batches until graceful shutdown, then what still waits, then ends.
    public func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            while let batch = await nextBatch() {
                await write(batch)
            }
        } onCancelOrGracefulShutdown: {
            self.close()
        }
    }

    /// Refuses what comes from now on; what waits is still written.
    public func close() {
        state.withLock { state in
            state.isClosed = true
            return state.sleeper.take()
        }?.resume()
    }

    private func nextBatch() async -> [Entry]? {
        while true {
            let (batch, isClosed) = state.withLock { state -> ([Entry], Bool) in
                let batch = Array(state.waiting.prefix(configuration.maxBatch))
                state.waiting.removeFirst(batch.count)
                return (batch, state.isClosed)
            }
            if !batch.isEmpty { return batch }
            if isClosed { return nil }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.waiting.isEmpty || state.isClosed { return true }
                    state.sleeper = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    private func write(_ gathered: [Entry]) async {
        let started = timeSource.now()
        var batch: [Entry] = []
        batch.reserveCapacity(gathered.count)
        for entry in gathered {
            if started.seconds(since: entry.arrivedAt) > configuration.maxWaitSeconds {
                refuse(entry, Self.overloaded)
            } else {
                batch.append(entry)
            }
        }
        guard !batch.isEmpty else { return }
        let clock = ContinuousClock.now
        do throws(StoreError) {
            try await permit.beforeStoring()
        } catch {
            return refuse(batch, error)
        }
        do throws(StoreError) {
            let outcomes = try await store.append(batch.map(\.message))
            instruments.appended(batch: batch.count, took: ContinuousClock.now - clock, left: depth)
            await settle(batch, outcomes)
        } catch .unavailable(let cause) {
            refuse(batch, .unavailable(cause))
        } catch {
            // Some may be stored, or be stored yet.
            permit.isUnknown(batch.map(\.message.id))
            fail(batch, error)
        }
    }

    private func settle(_ batch: [Entry], _ outcomes: [AppendOutcome]) async {
        var answers: [Outcome] = []
        answers.reserveCapacity(batch.count)
        var stored: [Stored] = []
        for (entry, outcome) in zip(batch, outcomes) {
            switch outcome {
            case .stored(let message, let position):
                let enriched = EnrichedMessage(message: message, media: entry.media)
                let result = Stored(enriched: enriched, position: position, json: enriched.json, preview: entry.message.preview)
                answers.append(.stored(result))
                stored.append(result)
                continue
            case .repeated(let message): answers.append(.repeated(message))
            case .noConversation: answers.append(.noConversation)
            }
            ledger?.settle(ofSecond: entry.message.id.second)
        }
        let areApplied = await answer(batch, answers, stored)
        if !stored.isEmpty { await effects(stored, areApplied) }
    }

    /// Tells whether the metadata of what was stored are applied.
    private func answer(_ batch: [Entry], _ answers: [Outcome], _ stored: [Stored]) async -> Bool {
        var areApplied = true
        var refusal: StoreError?
        if !stored.isEmpty {
            do throws(StoreError) {
                areApplied = try await permit.beforeAnswering(stored)
            } catch {
                // What the error says of itself holds of asking, not of the messages: they are stored.
                (areApplied, refusal) = (false, .outcomeUnknown("\(error)"))
            }
        }
        for (entry, answer) in zip(batch, answers) {
            if case .stored = answer, let refusal {
                entry.continuation.resume(returning: .failure(ParleyError(refusal)))
            } else {
                entry.continuation.resume(returning: .success(answer))
            }
        }
        return areApplied
    }

    // MARK: Refusing

    /// Nothing of the message is stored.
    private func refuse(_ entry: Entry, _ refusal: ParleyError) {
        ledger?.settle(ofSecond: entry.message.id.second)
        entry.continuation.resume(returning: .failure(refusal))
    }

    private func refuse(_ batch: [Entry], _ error: StoreError) {
        log(batch, error)
        for entry in batch { refuse(entry, ParleyError(error)) }
    }

    private func fail(_ batch: [Entry], _ error: StoreError) {
        log(batch, error)
        for entry in batch { entry.continuation.resume(returning: .failure(ParleyError(error))) }
    }

    private func log(_ batch: [Entry], _ error: StoreError) {
        logger.error("messages could not be stored", metadata: ["messages": "\(batch.count)", "error": "\(error)"])
    }
}

/// The lanes of a node: a conversation is always in the same one.
public struct AppendLanes: Sendable {
    public let lanes: [AppendLane]

    public init(_ lanes: [AppendLane]) {
        precondition(!lanes.isEmpty)
        self.lanes = lanes
    }

    public func lane(for conversation: ConversationID) -> AppendLane {
        lanes[Int(conversation.low % UInt64(lanes.count))]
    }
}

extension ParleyError {
    /// What a caller is told of a store's trouble. The store's own words are for the log.
    public init(_ error: StoreError) {
        switch error {
        case .unavailable(let cause):
            self.init(
                .storageUnavailable, "the store cannot be read or written right now; nothing was changed", retryAfterSeconds: 2,
                cause: cause)
        case .outcomeUnknown(let cause):
            self.init(
                .storageUnavailable, "the outcome is not known; repeat with the same client_message_id", retryAfterSeconds: 2, cause: cause)
        case .invalidCursor: self.init(.invalidCursor, "cursor is not one that this server made")
        case .unexpected(let cause):
            self.init(.internalError, "something went wrong here; the server's log has the cause", cause: cause)
        }
    }
}
