import CoreMetrics
public import Logging
public import ParleyModel
public import ServiceLifecycle
import Synchronization

/// The effects of what this node stores, where several nodes do: step 8, and whatever of steps 6 and 7 could not be done at
/// once. What is finished is told to the ``EffectLedger``, so that another node finds exactly what is left when this one dies.
///
/// Telling and all else go on beside each other, and neither waits for the other, whichever engine is away. What waits is in
/// an ``EffectBacklog``. Messages of which nobody knows whether they are stored are looked for as soon as that is decided.
public final class NodeEffects: Service {
    private struct State {
        var backlog: EffectBacklog
        /// How many messages of each second may be stored or not.
        var unknown: [Int64: Int] = [:]
    }

    private let node: NodeID
    private let ledger: EffectLedger
    private let log: any RepairLog
    private let redo: EffectRedo
    private let configuration: NotifyConfiguration
    private let instruments: MessageInstruments
    private let logger: Logger
    private let state: Mutex<State>
    private let finishing = WakeSignal()
    private let telling = WakeSignal()
    private let settling = WakeSignal()
    private let readBack = Counter(label: "parley_effects_read_back_total")

    public init(
        node: NodeID, ledger: EffectLedger, log: any RepairLog, redo: EffectRedo, configuration: NotifyConfiguration = .init(),
        instruments: MessageInstruments, logger: Logger
    ) {
        self.node = node
        self.ledger = ledger
        self.log = log
        self.redo = redo
        self.configuration = configuration
        self.instruments = instruments
        self.logger = logger
        state = Mutex(State(backlog: EffectBacklog(maxInMemory: configuration.maxInMemory)))
    }

    // MARK: From the lanes

    /// Takes newly stored messages. Never waits.
    public func stored(_ messages: [AppendLane.Stored], areApplied: Bool, areTold: Bool) {
        state.withLock { state in
            for item in messages { state.backlog.add(DueMessage(item), isApplied: areApplied, isTold: areTold) }
        }
        finishing.wake()
        if !areTold { telling.wake() }
    }

    /// Messages of another node that are done but for being published. Those that are too many for memory stay unpublished.
    public func tellLater(_ messages: [Message]) {
        state.withLock { $0.backlog.tellLater(messages) }
        telling.wake()
    }

    /// Nobody knows whether these messages are stored.
    public func isUnknown(_ ids: [MessageID]) {
        state.withLock { state in
            for id in ids { state.unknown[id.second, default: 0] += 1 }
        }
        settling.wake()
    }

    // MARK: The loops

    /// Works until graceful shutdown, then for as long as all goes well and something is due. What is left is in the ledger.
    public func run() async throws {
        await withTaskGroup { group in
            group.addTask {
                await self.follow(self.finishing, .error, "effects could not be carried out; trying again") { () async throws(StoreError) in
                    if try await self.finishSome() { return true }
                    return try await self.finishSecond()
                }
            }
            group.addTask {
                await self.follow(self.telling, .debug, "messages could not be published; trying again") { () async throws(StoreError) in
                    if try await self.tellSome() { return true }
                    return try await self.tellSecond()
                }
            }
            group.addTask {
                await self.follow(self.settling, .debug, "what is stored is not decided; trying again") { () async throws(StoreError) in
                    try await self.settleUnknown()
                }
            }
        }
    }

    /// - Parameter step: False when there is nothing to do.
    private func follow(
        _ signal: WakeSignal, _ level: Logger.Level, _ trouble: Logger.Message, _ step: () async throws(StoreError) -> Bool
    ) async {
        await signal.stoppingAtShutdown {
            while true {
                do throws(StoreError) {
                    if try await step() { continue }
                    if isStopping(signal) { return }
                    await signal.sleepUntilWoken()
                } catch {
                    logger.log(level: level, trouble, metadata: ["error": "\(error)"])
                    if isStopping(signal) { return }
                    await signal.sleep(seconds: configuration.pauseSeconds)
                }
            }
        }
    }

    private func isStopping(_ signal: WakeSignal) -> Bool { Task.isCancelled || signal.isStopped }

    // MARK: In memory

    /// False when nothing waits in memory. What fails goes on waiting.
    private func finishSome() async throws(StoreError) -> Bool {
        let batch = state.withLock { $0.backlog.nextToFinish(configuration.maxBatch) }
        if batch.isEmpty { return false }
        let start = ContinuousClock.now
        let unapplied = batch.filter { !$0.isApplied }.map(\.due.message)
        if !unapplied.isEmpty { try await redo.applier.apply(unapplied) }
        try await redo.jobs.queueJobs(of: batch.map(\.due)) { self.isStopping(self.finishing) }
        settle(state.withLock { $0.backlog.finished(batch.count) })
        instruments.took(.notify, since: start)
        return true
    }

    /// One message shows whether publishing works; then the others follow.
    private func tellSome() async throws(StoreError) -> Bool {
        let batch = state.withLock { $0.backlog.nextToTell(configuration.maxBatch) }
        if batch.isEmpty { return false }
        let ready = await redo.tellable(batch)
        for part in [ready.prefix(1), ready.dropFirst()] where !part.isEmpty {
            guard await redo.publisher.publish(Array(part)) else { throw Self.untold }
            settle(state.withLock { $0.backlog.told(part.map(\.message)) })
        }
        if ready.count < batch.count { throw .unavailable("the media of some messages cannot be read") }
        return true
    }

    private static let untold = StoreError.unavailable("the event bus does not take them")

    // MARK: To be read back

    private func finishSecond() async throws(StoreError) -> Bool {
        guard let (second, count) = state.withLock({ $0.backlog.secondToFinish }) else { return false }
        let found = try await scan(second).forEachPage { page throws(StoreError) in
            try await redo.finish(page) { self.isStopping(self.finishing) }
        }
        readBack.increment(by: found)
        ledger.settle(state.withLock { $0.backlog.finished(count, ofSecond: second) }, ofSecond: second)
        return true
    }

    private func tellSecond() async throws(StoreError) -> Bool {
        guard let (second, count) = state.withLock({ $0.backlog.secondToTell }) else { return false }
        try await scan(second).forEachPage { page throws(StoreError) in
            if await !redo.tell(page) { throw Self.untold }
        }
        ledger.settle(state.withLock { $0.backlog.told(count, ofSecond: second) }, ofSecond: second)
        return true
    }

    private func scan(_ second: Int64) -> RepairScan { RepairScan(log: log, node: node, seconds: second..<second + 1) }

    /// What is stored of the unknown is read back like what memory could not keep.
    private func settleUnknown() async throws(StoreError) -> Bool {
        let unknown = state.withLock { $0.unknown }
        if unknown.isEmpty { return false }
        try await log.settleUnknown()
        state.withLock { state in
            // Of what has come meanwhile nothing is settled yet.
            state.unknown.merge(unknown) { $0 - $1 }
            state.unknown = state.unknown.filter { $0.value > 0 }
            for (second, count) in unknown { state.backlog.owe(count, ofSecond: second) }
        }
        finishing.wake()
        telling.wake()
        return true
    }

    private func settle(_ messages: [Message]) {
        for (second, count) in Dictionary(messages.map { ($0.id.second, 1) }, uniquingKeysWith: +) {
            ledger.settle(count, ofSecond: second)
        }
    }
}
