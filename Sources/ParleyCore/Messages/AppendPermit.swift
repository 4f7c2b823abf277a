public import ParleyModel

/// What a node must be allowed before it stores, and before it says that it did.
public struct AppendPermit: Sendable {
    /// Throws when nothing may be stored now.
    let beforeStoring: @Sendable () async throws(StoreError) -> Void
    /// What has to come before the answer; tells whether the messages' metadata are applied. When it throws, the messages are
    /// stored all the same, and their creators are told that the outcome is not known.
    let beforeAnswering: @Sendable ([AppendLane.Stored]) async throws(StoreError) -> Bool
    /// Of these messages nobody knows whether they are stored.
    let isUnknown: @Sendable ([MessageID]) -> Void

    public init(
        beforeStoring: @escaping @Sendable () async throws(StoreError) -> Void,
        beforeAnswering: @escaping @Sendable ([AppendLane.Stored]) async throws(StoreError) -> Bool,
        isUnknown: @escaping @Sendable ([MessageID]) -> Void
    ) {
        self.beforeStoring = beforeStoring
        self.beforeAnswering = beforeAnswering
        self.isUnknown = isUnknown
    }

    /// Where storing is one atomic step with all that must not be lost.
    public static let always = AppendPermit(
        beforeStoring: { () async throws(StoreError) in }, beforeAnswering: { _ async throws(StoreError) in true }, isUnknown: { _ in })
}
