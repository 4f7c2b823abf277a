import CoreMetrics
public import Logging
public import ParleyModel
public import ServiceLifecycle
import Synchronization

/// The effects of what this node stores, where several nodes do: step 8, and whatever of steps 6 and 7 could not be done at
/// once. What is finished is told to the ``EffectLedger``, so that another node finds exactly what is left when this one dies.
///
/// Messages wait in memory, in the order of storing in each lane. When more come than it may keep, because an engine is down
/// for long, it remembers only the seconds of their ids, and reads them back. The same for messages of which nobody knows
/// whether they are stored: they are looked for once nothing can come any more.
public final class NodeEffects: Service {
    private struct Item: Sendable {
        let due: DueMessage
        /// Whether metadata and counts are done.
        let isApplied: Bool
    }

    private struct State {
        var waiting: [Item] = []
        /// Seconds whose messages must be read back, with how many of each are owed to the ledger.
        var toRead: [Int64: Int] = [:]
        /// The same, not before that moment.
        var unknown: [(second: Int64, notBefore: ContinuousClock.Instant)] = []
        var isClosed = false
        var sleeper: CheckedContinuation<Void, Never>?
    }

    private let node: NodeID
    private let ledger: EffectLedger
    private let log: any RepairLog
    private let redo: EffectRedo
    private let configuration: NotifyConfiguration
    private let instruments: MessageInstruments
    private let logger: Logger
    private let state = Mutex(State())
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
    }

    // MARK: From the lanes

    /// Takes newly stored messages. Never waits.
    public func stored(_ messages: [AppendLane.Stored], areApplied: Bool) {
        state.withLock { state in
            for item in messages {
                if state.waiting.count < configuration.maxInMemory {
                    state.waiting.append(Item(due: DueMessage(item), isApplied: areApplied))
                } else {
                    state.toRead[item.enriched.message.id.second, default: 0] += 1
                }
            }
            return state.sleeper.take()
        }?.resume()
    }

    /// Nobody knows whether these messages are stored.
    public func isUnknown(_ ids: [MessageID]) {
        let notBefore = ContinuousClock.now + .seconds(configuration.unknownSeconds)
        state.withLock { state in
            state.unknown += ids.map { ($0.second, notBefore) }
            return state.sleeper.take()
        }?.resume()
    }

    // MARK: The loop

    /// Works until graceful shutdown, then for as long as all goes well and something is due. What is left is in the ledger.
    public func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await follow()
        } onCancelOrGracefulShutdown: {
            self.state.withLock { state in
                state.isClosed = true
                return state.sleeper.take()
            }?.resume()
        }
    }

    private var isClosed: Bool { Task.isCancelled || state.withLock { $0.isClosed } }

    private func follow() async {
        while true {
            do throws(StoreError) {
                if try await finishSome() { continue }
                if try await readBackSome() { continue }
                if isClosed { return }
                await sleep()
            } catch {
                logger.error("effects could not be carried out; trying again", metadata: ["error": "\(error)"])
                if isClosed { return }
                try? await Task.sleep(for: .seconds(configuration.pauseSeconds))
            }
        }
    }

    /// False when nothing waits in memory. What fails goes on waiting.
    private func finishSome() async throws(StoreError) -> Bool {
        let batch = state.withLock { Array($0.waiting.prefix(configuration.maxBatch)) }
        if batch.isEmpty { return false }
        let start = ContinuousClock.now
        let unapplied = batch.filter { !$0.isApplied }.map(\.due.message)
        if !unapplied.isEmpty { try await redo.applier.apply(unapplied) }
        try await redo.jobs.queueJobs(of: batch.map(\.due)) { self.isClosed }
        state.withLock { $0.waiting.removeFirst(batch.count) }
        settle(Dictionary(batch.map { ($0.due.message.id.second, 1) }, uniquingKeysWith: +))
        instruments.took(.notify, since: start)
        return true
    }

    /// Redoes the messages of one second. False when there is none to read back.
    private func readBackSome() async throws(StoreError) -> Bool {
        guard let (second, count) = nextToRead() else { return false }
        do throws(StoreError) {
            let found = try await RepairScan(log: log, node: node, seconds: second..<second + 1).forEachPage { page throws(StoreError) in
                try await redo.redo(page) { self.isClosed }
            }
            readBack.increment(by: found)
            ledger.settle(count, ofSecond: second)
            return true
        } catch {
            state.withLock { $0.toRead[second, default: 0] += count }
            throw error
        }
    }

    private func nextToRead() -> (second: Int64, count: Int)? {
        state.withLock { state in
            let now = ContinuousClock.now
            for (second, _) in state.unknown.filter({ $0.notBefore <= now }) { state.toRead[second, default: 0] += 1 }
            state.unknown.removeAll { $0.notBefore <= now }
            guard let second = state.toRead.keys.min(), let count = state.toRead.removeValue(forKey: second) else { return nil }
            return (second, count)
        }
    }

    private func settle(_ counts: [Int64: Int]) {
        for (second, count) in counts { ledger.settle(count, ofSecond: second) }
    }

    /// Until messages are stored, and no longer than until an unknown one may be looked for.
    private func sleep() async {
        let due = state.withLock { $0.unknown.map(\.notBefore).min() }
        let alarm = due.map { due in
            Task {
                try? await Task.sleep(until: due, clock: .continuous)
                self.state.withLock { $0.sleeper.take() }?.resume()
            }
        }
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.isClosed || !state.waiting.isEmpty || !state.toRead.isEmpty { return true }
                if state.unknown.map(\.notBefore).min() != due || due.map({ $0 <= .now }) == true { return true }
                state.sleeper = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        alarm?.cancel()
    }
}
