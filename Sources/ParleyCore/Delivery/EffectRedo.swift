import ParleyModel

/// Carries out the effects of stored messages again, steps 6 to 8, whatever was done of them before. Effects carry the
/// message's id and number, so that a repeat shows nowhere.
public struct EffectRedo: Sendable {
    let applier: MetadataApplier
    let media: MediaService
    let publisher: Publisher
    let jobs: PushJobs
    private let mayLag: Bool

    /// - Parameter metadataMayLag: A node that dies may leave messages behind whose metadata are not applied, also where
    ///   appending applies them. False where both are one atomic step.
    public init(applier: MetadataApplier, media: MediaService, publisher: Publisher, jobs: PushJobs, metadataMayLag: Bool = false) {
        mayLag = metadataMayLag
        self.applier = applier
        self.media = media
        self.publisher = publisher
        self.jobs = jobs
    }

    /// When it returns, all is done, but for telling where it says false: see ``tell(_:)``. Where it throws, some may be done: to
    /// redo all is right.
    func redo(_ messages: [Message], isStopping: @Sendable () -> Bool) async throws(StoreError) -> Bool {
        try await apply(messages)
        let areTold = await tell(messages)
        try await queueJobs(of: messages, isStopping: isStopping)
        return areTold
    }

    /// Steps 6 and 8: all but telling.
    func finish(_ messages: [Message], isStopping: @Sendable () -> Bool) async throws(StoreError) {
        try await apply(messages)
        try await queueJobs(of: messages, isStopping: isStopping)
    }

    private func apply(_ messages: [Message]) async throws(StoreError) {
        if mayLag || !applier.isIdle { try await applier.apply(messages) }
    }

    private func queueJobs(of messages: [Message], isStopping: @Sendable () -> Bool) async throws(StoreError) {
        try await jobs.queueJobs(of: messages.map(DueMessage.init), isStopping: isStopping)
    }

    /// Step 7 alone. False when not everybody may have been told of all.
    func tell(_ messages: [Message]) async -> Bool {
        let ready = await tellable(messages)
        let areTold = ready.isEmpty ? true : await publisher.publish(ready)
        return areTold && ready.count == messages.count
    }

    /// The messages with their media; while media cannot be read, those that have none.
    func tellable(_ messages: [Message]) async -> [EnrichedMessage] {
        if let enriched = try? await media.enriched(messages) { return enriched }
        return messages.filter(\.mediaIDs.isEmpty).map { EnrichedMessage(message: $0, media: []) }
    }
}
