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
/// whether they are stored: they are looked for once nothing can come any more. What could not be published is published when
/// that works again; push jobs do not wait for it.
public final class NodeEffects: Service {
    private struct Item: Sendable {
        let due: DueMessage
        /// Whether metadata and counts are done.
        let isApplied: Bool
        /// Whether it is published.
        let isTold: Bool
    }

    /// A message that is not published yet; all else is done.
    private struct Untold: Sendable {
        let message: Message
        /// Whether it is in this node's ledger: it is not another node's.
        let isOwn: Bool
    }

    /// Messages of one second that must be read back.
    private struct Debt {
        /// How many are owed to the ledger.
        var count = 0
        /// False when they need only be published.
        var isWhole = false
    }

    private struct State {
        var waiting: [Item] = []
        var untold: [Untold] = []
        /// By the second in the ids.
        var toRead: [Int64: Debt] = [:]
        /// The same, not before that moment.
        var unknown: [(second: Int64, notBefore: ContinuousClock.Instant)] = []
        /// How often something came that may have to be waited for in another way.
        var arrivals = 0
        var isClosed = false
        var sleeper: CheckedContinuation<Void, Never>?

        mutating func owe(_ count: Int, ofSecond second: Int64, isWhole: Bool) {
            toRead[second, default: Debt()].count += count
            if isWhole { toRead[second, default: Debt()].isWhole = true }
        }
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
    public func stored(_ messages: [AppendLane.Stored], areApplied: Bool, areTold: Bool) {
        state.withLock { state in
            for item in messages {
                if state.waiting.count < configuration.maxInMemory {
                    state.waiting.append(Item(due: DueMessage(item), isApplied: areApplied, isTold: areTold))
                } else {
                    state.owe(1, ofSecond: item.enriched.message.id.second, isWhole: true)
                }
            }
            return state.sleeper.take()
        }?.resume()
    }

    /// Messages of another node that are done but for being published. Those that are too many for memory stay unpublished.
    public func tellLater(_ messages: [Message]) {
        state.withLock { state in
            let room = max(0, configuration.maxInMemory - state.untold.count)
            state.untold += messages.prefix(room).map { Untold(message: $0, isOwn: false) }
            state.arrivals += 1
            return state.sleeper.take()
        }?.resume()
    }

    /// Nobody knows whether these messages are stored.
    public func isUnknown(_ ids: [MessageID]) {
        let notBefore = ContinuousClock.now + .seconds(configuration.unknownSeconds)
        state.withLock { state in
            state.unknown += ids.map { ($0.second, notBefore) }
            state.arrivals += 1
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
                if await tellSome() { continue }
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
        state.withLock { state in
            state.waiting.removeFirst(batch.count)
            for item in batch where !item.isTold { keepUntold(item.due.message, &state) }
        }
        settle(batch.filter(\.isTold).map(\.due.message))
        instruments.took(.notify, since: start)
        return true
    }

    private func keepUntold(_ message: Message, _ state: inout State) {
        if state.untold.count < configuration.maxInMemory {
            state.untold.append(Untold(message: message, isOwn: true))
        } else {
            state.owe(1, ofSecond: message.id.second, isWhole: false)
        }
    }

    /// One message shows whether publishing works; then the others follow. False when it does not, or nothing waits.
    private func tellSome() async -> Bool {
        let batch = state.withLock { Array($0.untold.prefix(configuration.maxBatch)) }
        guard let first = batch.first, await redo.tell([first.message]) else { return false }
        let others = batch.dropFirst()
        let areTold = others.isEmpty ? true : await redo.tell(others.map(\.message))
        let told = areTold ? batch : [first]
        state.withLock { $0.untold.removeFirst(told.count) }
        settle(told.filter(\.isOwn).map(\.message))
        return areTold
    }

    /// Redoes the messages of one second. False when there is none to read back, or they cannot be published now.
    private func readBackSome() async throws(StoreError) -> Bool {
        guard let (second, debt) = nextToRead() else { return false }
        var areTold = true
        do throws(StoreError) {
            let scan = RepairScan(log: log, node: node, seconds: second..<second + 1)
            let found = try await scan.forEachPage { page throws(StoreError) in
                let isTold = debt.isWhole ? try await redo.redo(page) { self.isClosed } : await redo.tell(page)
                areTold = areTold && isTold
            }
            readBack.increment(by: found)
        } catch {
            state.withLock { $0.owe(debt.count, ofSecond: second, isWhole: debt.isWhole) }
            throw error
        }
        if areTold {
            ledger.settle(debt.count, ofSecond: second)
        } else {
            state.withLock { $0.owe(debt.count, ofSecond: second, isWhole: false) }
        }
        return areTold
    }

    private func nextToRead() -> (second: Int64, debt: Debt)? {
        state.withLock { state in
            let now = ContinuousClock.now
            for (second, _) in state.unknown.filter({ $0.notBefore <= now }) { state.owe(1, ofSecond: second, isWhole: true) }
            state.unknown.removeAll { $0.notBefore <= now }
            guard let second = state.toRead.keys.min(), let debt = state.toRead.removeValue(forKey: second) else { return nil }
            return (second, debt)
        }
    }

    private func settle(_ messages: [Message]) {
        for (second, count) in Dictionary(messages.map { ($0.id.second, 1) }, uniquingKeysWith: +) {
            ledger.settle(count, ofSecond: second)
        }
    }

    /// Until messages are stored, and no longer than until something may be tried again or looked for.
    private func sleep() async {
        let (due, arrivals) = state.withLock { state in
            let retry = state.untold.isEmpty && state.toRead.isEmpty ? nil : ContinuousClock.now + .seconds(configuration.pauseSeconds)
            return ((state.unknown.map(\.notBefore) + [retry].compactMap(\.self)).min(), state.arrivals)
        }
        let alarm = due.map { due in
            Task {
                try? await Task.sleep(until: due, clock: .continuous)
                self.state.withLock { $0.sleeper.take() }?.resume()
            }
        }
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.isClosed || !state.waiting.isEmpty || state.arrivals != arrivals || due.map({ $0 <= .now }) == true { return true }
                state.sleeper = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        alarm?.cancel()
    }
}
