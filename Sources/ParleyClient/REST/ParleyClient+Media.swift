import NIOHTTP1
public import ParleyModel

/// Media, and messages that show them, over REST.
///
///     let picture = try await client.createMedia(OutgoingMedia(.image, name: "harbour.jpg", size: 482_133, …))
///     try await client.send(OutgoingMessage(to: conversation, "", type: .image, mediaIDs: [picture.id]))
extension ParleyClient {
    /// Tells the server of a file that is stored elsewhere. The caller owns it, and may name its id in messages. Whether it
    /// was told is not known after ``ClientError/connectionFailed(_:)``; telling it again makes other media.
    public nonisolated func createMedia(_ media: OutgoingMedia) async throws -> Media {
        try Media(try await rest.object(.init(method: .POST, path: "/v1/media", body: media.json)))
    }

    /// What is known of a file: for its owner, and for the participants of a conversation in which it was sent.
    public nonisolated func media(_ id: MediaID) async throws -> Media {
        try Media(try await rest.object(.init(path: "/v1/media/\(id)")))
    }

    /// Sends a message over REST, for programs that do not call ``run()``. Unlike ``send(_:)`` it tries once: after
    /// ``ClientError/connectionFailed(_:)`` send the same message again, which is stored once, as its key says.
    @discardableResult
    public nonisolated func createMessage(_ message: OutgoingMessage) async throws -> EnrichedMessage {
        var json = JSONWriter()
        json.object { message.write(to: &$0) }
        return try EnrichedMessage(try await rest.object(.init(method: .POST, path: "/v1/messages", body: json.bytes)))
    }
}
