import ParleyModel

/// Carries out the effects of stored messages again, steps 6 to 8, whatever was done of them before. Effects carry the
/// message's id and number, so that a repeat shows nowhere.
public struct EffectRedo: Sendable {
    let applier: MetadataApplier
    let media: MediaService
    let publisher: Publisher
    let jobs: PushJobs

    public init(applier: MetadataApplier, media: MediaService, publisher: Publisher, jobs: PushJobs) {
        self.applier = applier
        self.media = media
        self.publisher = publisher
        self.jobs = jobs
    }

    /// When it returns, all is done. Where it throws, some may be: to redo all is right.
    func redo(_ messages: [Message], isStopping: @Sendable () -> Bool) async throws(StoreError) {
        if !applier.isIdle { try await applier.apply(messages) }
        // Without their media they are not told here: whoever listens finds them by their numbers.
        if let enriched = try? await media.enriched(messages) { await publisher.publish(enriched) }
        try await jobs.queueJobs(of: messages.map(DueMessage.init), isStopping: isStopping)
    }
}
