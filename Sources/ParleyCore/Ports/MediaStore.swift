public import ParleyModel

/// Remembers the metadata of media. Media never change and are never removed.
public protocol MediaStore: Sendable {
    func register(_ media: Media) async throws(StoreError)

    /// Those that exist, in no order.
    func media(_ ids: [MediaID]) async throws(StoreError) -> [MediaID: Media]

    /// Whether the medium was sent in a conversation in which the user is a participant.
    func wasSent(_ id: MediaID, whereParticipates user: UserID) async throws(StoreError) -> Bool
}
