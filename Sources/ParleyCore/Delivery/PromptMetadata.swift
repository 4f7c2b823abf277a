public import Logging
import ParleyModel
import Synchronization

/// Step 6 before a create is answered, so that whoever has the answer, or was told of the message, reads true counts. While it
/// fails, creates do not wait for it: the metadata follow with the other effects.
public final class PromptMetadata: Sendable {
    /// How long after a failure it is left to the effects, in seconds.
    static let pauseSeconds = 2.0

    private let applier: MetadataApplier
    private let logger: Logger
    private let pausedUntil = Mutex(ContinuousClock.now)

    public init(applier: MetadataApplier, logger: Logger) {
        self.applier = applier
        self.logger = logger
    }

    /// Whether the metadata are applied. Never throws.
    public func apply(_ stored: [AppendLane.Stored]) async -> Bool {
        if applier.isIdle { return true }
        if pausedUntil.withLock({ $0 }) > .now { return false }
        do throws(StoreError) {
            try await applier.apply(stored.map(\.enriched.message))
            return true
        } catch {
            logger.warning("metadata could not be applied; they follow", metadata: ["error": "\(error)"])
            pausedUntil.withLock { $0 = .now + .seconds(Self.pauseSeconds) }
            return false
        }
    }
}
