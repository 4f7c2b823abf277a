import CoreMetrics
public import Logging
import ParleyModel
public import ServiceLifecycle
import Synchronization

/// Step 8: follows the log of stored messages and queues a push job for every participant who is offline.
///
/// The stored messages themselves are the to-do list. The notifier works through them in the order of storing and moves
/// the log's checkpoint behind what is queued; after a crash it goes on at the checkpoint, so that nobody is forgotten
/// (P5). Messages just stored are handed over in memory; when more come than it can keep, or after a restart, it reads
/// them from the store. So a burst, a group of 100,000 or a slow queue delays notifications and never a create.
public final class Notifier: Service {
    private struct State {
        /// Messages not yet notified, without holes, the oldest first.
        var recent: [Recent] = []
        /// The newest position that was handed over, kept in `recent` or not.
        var newest = LogPosition.start
    }

    private struct Recent: Sendable {
        let due: DueMessage
        let position: LogPosition
    }

    private let log: any EffectLog
    private let redo: EffectRedo
    private let configuration: NotifyConfiguration
    private let instruments: MessageInstruments
    private let logger: Logger
    private let state = Mutex(State())
    private let signal = WakeSignal()

    private let repaired = Counter(label: "parley_repaired_messages_total")

    public init(
        log: any EffectLog, redo: EffectRedo, configuration: NotifyConfiguration = .init(), instruments: MessageInstruments, logger: Logger
    ) {
        self.log = log
        self.redo = redo
        self.configuration = configuration
        self.instruments = instruments
        self.logger = logger
    }

    /// Takes newly stored messages. Never waits.
    public func stored(_ messages: [AppendLane.Stored]) {
        state.withLock { state in
            for item in messages {
                state.newest = max(state.newest, item.position)
                // With several lanes positions may arrive out of order; what does not follow is read from the store.
                let follows = state.recent.last.map { $0.position.value + 1 == item.position.value } ?? true
                guard follows, state.recent.count < configuration.maxInMemory else { continue }
                state.recent.append(Recent(due: DueMessage(item), position: item.position))
            }
        }
        signal.wake()
    }

    // MARK: The loop

    public func run() async throws {
        await signal.stoppingAtShutdown { await follow() }
    }

    private var isClosed: Bool { Task.isCancelled || signal.isStopped }

    private func follow() async {
        var done = LogPosition.start
        while !isClosed {
            do throws(StoreError) {
                done = try await log.checkpoint()
                try await repair(from: &done)
                break
            } catch {
                logger.error("effects could not be repaired; trying again", metadata: ["error": "\(error)"])
                await signal.sleep(seconds: configuration.pauseSeconds)
            }
        }
        while !isClosed {
            do throws(StoreError) {
                if try await step(&done) { continue }
                await signal.sleepUntilWoken()
            } catch {
                logger.error("notifications could not be queued; trying again", metadata: ["error": "\(error)"])
                await signal.sleep(seconds: configuration.pauseSeconds)
            }
        }
    }

    /// What a crash left undone: publish again and queue what is due. Effects carry the message id, so that a repeat
    /// shows nowhere.
    private func repair(from done: inout LogPosition) async throws(StoreError) {
        let end = try await log.lastPosition()
        var count = 0
        while done < end, !isClosed {
            let messages = try await log.messages(after: done, limit: configuration.maxBatch)
            guard let last = messages.last else { break }
            _ = try await redo.redo(messages.map(\.message)) { self.isClosed }
            try await log.advance(to: last.position)
            done = last.position
            count += messages.count
        }
        if count > 0 {
            repaired.increment(by: count)
            logger.notice("effects of stored messages were redone after a restart", metadata: ["messages": "\(count)"])
        }
    }

    /// Notifies one batch. False when nothing is due.
    private func step(_ done: inout LogPosition) async throws(StoreError) -> Bool {
        guard state.withLock({ $0.newest }) > done else { return false }
        var batch = takeFromMemory(after: done)
        if batch.isEmpty {
            batch = try await log.messages(after: done, limit: configuration.maxBatch).map(Self.recent)
        }
        guard let last = batch.last else { return false }
        let start = ContinuousClock.now
        try await redo.jobs.queueJobs(of: batch.map(\.due)) { self.isClosed }
        try await log.advance(to: last.position)
        instruments.took(.notify, since: start)
        done = last.position
        return true
    }

    private func takeFromMemory(after done: LogPosition) -> [Recent] {
        state.withLock { state in
            let stale = state.recent.prefix { $0.position <= done }.count
            state.recent.removeFirst(stale)
            guard let first = state.recent.first, first.position.value == done.value + 1 else {
                // What lies between was not handed over: read it from the store, and what is here with it.
                return []
            }
            let batch = Array(state.recent.prefix(configuration.maxBatch))
            state.recent.removeFirst(batch.count)
            return batch
        }
    }

    private static func recent(_ logged: LoggedMessage) -> Recent {
        Recent(due: DueMessage(logged.message), position: logged.position)
    }
}
