import Synchronization
public import ParleyModel

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

/// What a client says of a file it wants to show, not yet checked.
public struct MediaDraft: Sendable {
    let kind: String
    let name: String
    let size: Int64
    let contentType: String
    let url: String
    let width: Int64?
    let height: Int64?
    let durationMilliseconds: Int64?

    public init(_ body: JSONObject) throws(FieldError) {
        kind = try body.requiredString("kind")
        name = try body.requiredString("name")
        guard let size = try body.integer("size") else { throw .missing("size") }
        self.size = size
        contentType = try body.requiredString("content_type")
        url = try body.requiredString("url")
        width = try body.integer("width")
        height = try body.integer("height")
        durationMilliseconds = try body.integer("duration_ms")
    }

    /// The largest whole number that every JSON reader keeps exactly (RFC 8259, section 6).
    private static let maxInteger: Int64 = 9_007_199_254_740_991

    func checked(id: MediaID, owner: UserID, at now: Timestamp) throws(ParleyError) -> Media {
        guard let kind = MediaKind(rawValue: kind) else { throw .invalid("kind", "must be image, video, audio or document") }
        guard !name.isEmpty else { throw .invalid("name", "must not be empty") }
        try checkText(name, "name", length: 255)
        try checkText(contentType, "content_type", length: 127)
        guard Self.isContentType(contentType) else { throw .invalid("content_type", "must be a media type such as image/jpeg") }
        try checkText(url, "url", length: 2048)
        guard Self.isWebAddress(url) else { throw .invalid("url", "must be an http or https address") }
        for (name, value) in [("size", size), ("width", width ?? 0), ("height", height ?? 0), ("duration_ms", durationMilliseconds ?? 0)] {
            guard (0...Self.maxInteger).contains(value) else { throw .invalid(name, "must be a whole number from 0 to \(Self.maxInteger)") }
        }
        return Media(
            id: id, ownerID: owner, kind: kind, name: name, size: size, contentType: contentType, url: url, width: width,
            height: height, durationMilliseconds: durationMilliseconds, createdAt: now)
    }

    /// `type/subtype` of RFC 9110's token characters, parameters left out.
    private static func isContentType(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let marks = Set("!#$%&'*+-.^_`|~".utf8)
        return parts.count == 2
            && parts.allSatisfy { part in
                !part.isEmpty
                    && part.utf8.allSatisfy { byte in
                        marks.contains(byte) || (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    }
            }
    }

    /// An absolute http(s) address of printable ASCII without what could end an attribute or a line.
    private static func isWebAddress(_ text: String) -> Bool {
        let lower = text.prefix(8).lowercased()
        let rest: Substring
        if lower.hasPrefix("https://") { rest = text.dropFirst(8) } else if lower.hasPrefix("http://") { rest = text.dropFirst(7) } else { return false }
        let refused = Set("\"<>\\^`{|}".utf8)
        guard let first = rest.utf8.first, first != UInt8(ascii: "/"), first != UInt8(ascii: "?"), first != UInt8(ascii: "#") else { return false }
        return rest.utf8.allSatisfy { (0x21...0x7E).contains($0) && !refused.contains($0) }
    }
}
