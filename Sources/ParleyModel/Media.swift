public enum MediaKind: String, Sendable, CaseIterable {
    case image, video, audio, document
}

/// What is known of a file that messages show. Parley keeps the metadata; the file lives where `url` says.
public struct Media: JSONEncodable, Equatable {
    public let id: MediaID
    public let ownerID: UserID
    public let kind: MediaKind
    public let name: String
    /// Bytes.
    public let size: Int64
    public let contentType: String
    public let url: String
    /// Pixels.
    public let width: Int64?
    public let height: Int64?
    public let durationMilliseconds: Int64?
    public let createdAt: Timestamp

    public init(
        id: MediaID, ownerID: UserID, kind: MediaKind, name: String, size: Int64, contentType: String, url: String,
        width: Int64?, height: Int64?, durationMilliseconds: Int64?, createdAt: Timestamp
    ) {
        self.id = id
        self.ownerID = ownerID
        self.kind = kind
        self.name = name
        self.size = size
        self.contentType = contentType
        self.url = url
        self.width = width
        self.height = height
        self.durationMilliseconds = durationMilliseconds
        self.createdAt = createdAt
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("id")
            json.id(id)
            json.name("owner_id")
            json.id(ownerID)
            json.name("kind")
            json.string(kind.rawValue)
            json.name("name")
            json.string(name)
            json.name("size")
            json.integer(size)
            json.name("content_type")
            json.string(contentType)
            json.name("url")
            json.string(url)
            json.name("width")
            json.optional(width) { $0.integer($1) }
            json.name("height")
            json.optional(height) { $0.integer($1) }
            json.name("duration_ms")
            json.optional(durationMilliseconds) { $0.integer($1) }
            json.name("created_at")
            json.timestamp(createdAt)
        }
    }
}
