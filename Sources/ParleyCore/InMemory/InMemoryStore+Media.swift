public import ParleyModel

extension InMemoryStore: MediaStore {
    public func register(_ media: Media) {
        self.media[media.id] = media
    }

    public func media(_ ids: [MediaID]) -> [MediaID: Media] {
        media.filter { ids.contains($0.key) }
    }

    public func wasSent(_ id: MediaID, whereParticipates user: UserID) -> Bool {
        conversations.values.contains { record in
            record.participants[user] != nil && record.messages.contains { $0.mediaIDs.contains(id) }
        }
    }
}
