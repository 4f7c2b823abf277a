import CoreMetrics
public import Logging
public import ParleyModel
public import ServiceLifecycle
import Synchronization

/// Keeps this node's entry in the register, and goes on for nodes that died (P5).
///
/// A node stores and acknowledges only while it holds the lease on its entry. So when another one takes the entry over, either
/// this one is dead, or it was stopped and must first take its entry back; whatever it acknowledged is behind one or the other.
public final class NodeKeeper: Service {
    public struct Configuration: Sendable {
        /// How long a node that is not heard of counts as alive.
        public var leaseSeconds = 10.0
        /// How often the lease is renewed, and how often other nodes' are looked at.
        public var stepSeconds = 2.0
        /// After how long a node that was gone through is looked at for the last time: it may have been stopped just before it
        /// stored something, and have died just after.
        public var lastLookSeconds = 60.0
        /// Messages remembered between the two looks, so that they are not redone; of a node that left more, nothing is looked at
        /// again.
        public var maxRemembered = 100_000
        /// How far ahead of this one another node's clock may be.
        public var clockSeconds: Int64 = 600

        public init() {}
    }

    private struct LastLook {
        let node: NodeID
        let seconds: Range<Int64>
        let done: Set<MessageID>
        let at: ContinuousClock.Instant
    }

    private let node: NodeID
    private let register: any NodeRegister
    private let ledger: EffectLedger
    private let log: any RepairLog
    private let redo: EffectRedo
    private let whenUntold: @Sendable ([Message]) -> Void
    private let timeSource: any TimeSource
    private let configuration: Configuration
    private let logger: Logger
    private let leasedUntil = Mutex(ContinuousClock.Instant.now)
    private let isStopping = Atomic(false)
    /// What was gone through, until the last look at it.
    private let lastLooks = Mutex<[LastLook]>([])
    private let repaired = Counter(label: "parley_repaired_messages_total")
    private let takenOver = Counter(label: "parley_nodes_taken_over_total")

    /// - Parameter whenUntold: Takes messages of a node that died which could not be published.
    public init(
        node: NodeID, register: any NodeRegister, ledger: EffectLedger, log: any RepairLog, redo: EffectRedo,
        whenUntold: @escaping @Sendable ([Message]) -> Void, timeSource: any TimeSource, configuration: Configuration = .init(),
        logger: Logger
    ) {
        self.node = node
        self.register = register
        self.ledger = ledger
        self.log = log
        self.redo = redo
        self.whenUntold = whenUntold
        self.timeSource = timeSource
        self.configuration = configuration
        self.logger = logger
    }

    // MARK: The lease

    /// Returns while this node holds its lease; takes it if it can be had. Throws `unavailable` otherwise.
    public func requireLease() async throws(StoreError) {
        if leasedUntil.withLock({ $0 }) > .now { return }
        do throws(StoreError) {
            try await renew()
        } catch {
            throw .unavailable("this node's lease has ended and cannot be renewed: \(error)")
        }
    }

    /// The lease begins when the register takes the call, which is later than now.
    private func renew() async throws(StoreError) {
        let start = ContinuousClock.now
        try await register.renew(node, dueFrom: ledger.dueFrom(at: second), seconds: configuration.leaseSeconds)
        let end = start + .seconds(configuration.leaseSeconds)
        leasedUntil.withLock { $0 = max($0, end) }
    }

    private var second: Int64 { timeSource.now().milliseconds / 1000 }

    // MARK: The loop

    /// Until graceful shutdown, by when this node must store nothing more. Then the entry goes if nothing is left to do, and
    /// lapses at once for others if something is.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                group.addTask { await self.keep() }
                group.addTask { await self.lookAfterOthers() }
            }
        }
        leasedUntil.withLock { $0 = .now }
        do throws(StoreError) {
            if ledger.count == 0 {
                try await register.forget(node, by: node)
            } else {
                try await register.renew(node, dueFrom: ledger.dueFrom(at: second), seconds: 0)
            }
        } catch {
            logger.warning("the node's entry could not be given up; it lapses by itself", metadata: ["error": "\(error)"])
        }
    }

    private func keep() async {
        while !Task.isCancelled {
            do throws(StoreError) {
                try await renew()
            } catch {
                logger.warning("the node's lease could not be renewed", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(configuration.stepSeconds))
        }
        isStopping.store(true, ordering: .relaxed)
    }

    private func lookAfterOthers() async {
        while !Task.isCancelled {
            // Not all nodes at the same moment.
            try? await Task.sleep(for: .seconds(configuration.stepSeconds * .random(in: 0.75...1.25)))
            do throws(StoreError) {
                while !Task.isCancelled, let lapsed = try await register.takeOver(by: node, seconds: configuration.leaseSeconds) {
                    try await finish(lapsed)
                }
                try await lookForTheLastTime()
            } catch {
                if Task.isCancelled { return }
                logger.warning("a node that died could not be gone on for; trying again", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Redoes what the node left. Where it throws, the entry lapses again, at the second up to which it was gone through.
    private func finish(_ lapsed: LapsedNode) async throws(StoreError) {
        takenOver.increment()
        let now = second
        let seconds = lapsed.dueFrom..<max(lapsed.dueFrom, now) + configuration.clockSeconds
        var done: Set<MessageID> = []
        let count = try await scan(lapsed.node, seconds, whenRedone: { done.formUnion($0.map(\.id)) }) { second throws(StoreError) in
            try await self.hold(lapsed.node, at: min(second, now))
        }
        logger.notice(
            "a node is gone; the effects of its last messages were redone", metadata: ["node": "\(lapsed.node)", "messages": "\(count)"])
        guard done.count <= configuration.maxRemembered else { return try await register.forget(lapsed.node, by: node) }
        try await hold(lapsed.node, at: now, seconds: configuration.lastLookSeconds + configuration.leaseSeconds)
        let look = LastLook(node: lapsed.node, seconds: seconds, done: done, at: .now + .seconds(configuration.lastLookSeconds))
        lastLooks.withLock { $0.append(look) }
    }

    private func lookForTheLastTime() async throws(StoreError) {
        while let look = lastLooks.withLock({ $0.first }), look.at <= .now {
            // A node that is back finishes its messages itself.
            if try await register.advance(look.node, to: 0, by: node, seconds: configuration.leaseSeconds) {
                let count = try await scan(look.node, look.seconds, except: look.done) { _ throws(StoreError) in }
                try await register.forget(look.node, by: node)
                if count > 0 {
                    logger.notice(
                        "effects of messages that a stopped node stored late were redone",
                        metadata: ["node": "\(look.node)", "messages": "\(count)"])
                }
            }
            lastLooks.withLock { _ = $0.removeFirst() }
        }
    }

    private func scan(
        _ other: NodeID, _ seconds: Range<Int64>, except done: Set<MessageID> = [], whenRedone: ([Message]) -> Void = { _ in },
        passed: (Int64) async throws(StoreError) -> Void
    ) async throws(StoreError) -> Int {
        var count = 0
        try await RepairScan(log: log, node: other, seconds: seconds).forEachPage { page throws(StoreError) in
            let due = page.filter { !done.contains($0.id) }
            if due.isEmpty { return }
            if try await !redo.redo(due, isStopping: { self.isStopping.load(ordering: .relaxed) }) { whenUntold(due) }
            whenRedone(due)
            count += due.count
            repaired.increment(by: due.count)
            try await hold(other, at: 0)
        } passed: { second throws(StoreError) in
            try await passed(second)
        }
        return count
    }

    private func hold(_ other: NodeID, at second: Int64, seconds: Double? = nil) async throws(StoreError) {
        let isHeld = try await register.advance(other, to: second, by: node, seconds: seconds ?? configuration.leaseSeconds)
        if !isHeld { throw .unavailable("the node \(other) is back, or another one goes on for it") }
    }
}
