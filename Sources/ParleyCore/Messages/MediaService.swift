public import ParleyModel
import Synchronization

/// Registering media, and joining their metadata to messages. Media never change, so they are cached without care.
public final class MediaService: Sendable {
    private let store: any MediaStore
    private let timeSource: any TimeSource
    private let cache: Mutex<TwoGenerationCache<MediaID, Media>>

    public init(store: any MediaStore, timeSource: any TimeSource, capacity: Int = 20_000) {
        self.store = store
        self.timeSource = timeSource
        cache = Mutex(TwoGenerationCache(capacity: capacity))
    }

    public func register(_ draft: MediaDraft, as caller: Caller) async throws(ParleyError) -> Media {
        let media = try draft.checked(id: .random(), owner: try caller.requiredUser(), at: timeSource.now())
        do { try await store.register(media) } catch { throw ParleyError(error) }
        return media
    }

    /// Their owner sees media, and so do the participants of a conversation in which they were sent.
    public func media(_ id: MediaID, as caller: Caller) async throws(ParleyError) -> Media {
        let user = try caller.requiredUser()
        let missing = ParleyError(.mediaNotFound, "there is no such media, or it was not sent to you")
        guard let media = try await found([id])[id] else { throw missing }
        if media.ownerID == user { return media }
        do {
            guard try await store.wasSent(id, whereParticipates: user) else { throw missing }
        } catch let error as StoreError {
            throw ParleyError(error)
        } catch {
            throw missing
        }
        return media
    }

    /// The media that a message may show: each exists and belongs to the sender.
    func attachable(_ ids: [MediaID], of sender: UserID) async throws(ParleyError) -> [Media] {
        if ids.isEmpty { return [] }
        let found = try await found(ids)
        var attached: [Media] = []
        for id in ids {
            guard let media = found[id], media.ownerID == sender else {
                throw ParleyError(.unknownMedia, "media_ids holds \(id), which does not exist or is not the sender's")
            }
            attached.append(media)
        }
        return attached
    }

    /// The messages with their media, in the same order.
    public func enriched(_ messages: [Message]) async throws(ParleyError) -> [EnrichedMessage] {
        let ids = messages.flatMap(\.mediaIDs)
        if ids.isEmpty { return messages.map { EnrichedMessage(message: $0, media: []) } }
        let found = try await found(ids)
        return messages.map { message in EnrichedMessage(message: message, media: message.mediaIDs.compactMap { found[$0] }) }
    }

    private func found(_ ids: [MediaID]) async throws(ParleyError) -> [MediaID: Media] {
        var found: [MediaID: Media] = [:]
        let missing = cache.withLock { cache in
            ids.filter { id in
                found[id] = cache[id]
                return found[id] == nil
            }
        }
        if missing.isEmpty { return found }
        do {
            let read = try await store.media(missing)
            cache.withLock { cache in for (id, media) in read { cache.insert(media, for: id) } }
            found.merge(read) { first, _ in first }
        } catch {
            throw ParleyError(error)
        }
        return found
    }
}
