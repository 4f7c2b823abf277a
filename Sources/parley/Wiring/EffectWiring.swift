import Logging
import ParleyCore
import ServiceLifecycle

/// How the effects of stored messages are carried out: after each batch, and again after a crash.
struct EffectWiring {
    /// This run of the node's.
    let node: NodeID
    let jobs: PushJobs
    let ids: MessageIDGenerator
    /// Nil where a log says what is due.
    let ledger: EffectLedger?
    let permit: AppendPermit
    let afterAnswering: @Sendable ([AppendLane.Stored], Bool) async -> Void
    /// Stored messages whose effects are not done; nil when it cannot be known.
    let due: @Sendable () async -> Int64?
    /// To be stopped after the lanes, the last one first.
    let services: [any Service]

    init(
        backend: Backend, publisher: Publisher, media: MediaService, createsFirst: CreatesFirst, configuration: NotifyConfiguration,
        timeSource: any TimeSource, instruments: MessageInstruments, logger: Logger, afterEnqueue: @escaping @Sendable () -> Void
    ) {
        let applier = MetadataApplier(messages: backend.messages, conversations: backend.conversations)
        let jobs = PushJobs(
            conversations: backend.conversations, presence: backend.presence, queue: backend.pushQueue, timeSource: timeSource,
            configuration: configuration, createsFirst: createsFirst, logger: logger, afterEnqueue: afterEnqueue)
        func redo(metadataMayLag: Bool) -> EffectRedo {
            EffectRedo(applier: applier, media: media, publisher: publisher, jobs: jobs, metadataMayLag: metadataMayLag)
        }
        self.jobs = jobs
        switch backend.effects {
        case .log(let log):
            let redo = redo(metadataMayLag: false)
            let notifier = Notifier(log: log, redo: redo, configuration: configuration, instruments: instruments, logger: logger)
            node = .only
            ids = MessageIDGenerator()
            ledger = nil
            permit = .always
            afterAnswering = { stored, _ in
                await publisher.publish(stored)
                notifier.stored(stored)
            }
            due = {
                guard let last = try? await log.lastPosition(), let done = try? await log.checkpoint() else { return nil }
                return max(0, last.value - done.value)
            }
            services = [notifier]
        case .nodes(let register, let log):
            let redo = redo(metadataMayLag: true)
            let ledger = EffectLedger()
            let node = NodeID.random()
            self.node = node
            let effects = NodeEffects(
                node: node, ledger: ledger, log: log, redo: redo, configuration: configuration, instruments: instruments, logger: logger)
            let keeper = NodeKeeper(
                node: node, register: register, ledger: ledger, log: log, redo: redo, whenUntold: { effects.tellLater($0) },
                timeSource: timeSource, logger: logger)
            let metadata = PromptMetadata(applier: applier, logger: logger)
            ids = MessageIDGenerator(node: node, ledger: ledger)
            self.ledger = ledger
            permit = AppendPermit(
                beforeStoring: { () async throws(StoreError) in try await keeper.requireLease() },
                beforeAnswering: { stored async throws(StoreError) in
                    let areApplied = await metadata.apply(stored)
                    try await keeper.requireLease()
                    return areApplied
                }, isUnknown: { effects.isUnknown($0) })
            afterAnswering = { stored, areApplied in
                let areTold = await publisher.publish(stored)
                effects.stored(stored, areApplied: areApplied, areTold: areTold)
            }
            due = { Int64(ledger.count) }
            services = [keeper, effects]
        }
    }
}
