public import ParleyModel

/// What is to be known of a file that messages are to show. The file itself is stored elsewhere, where ``url`` says.
public struct OutgoingMedia: Sendable, Equatable {
    public var kind: MediaKind
    /// The file's name, at most 255 characters.
    public var name: String
    /// Bytes.
    public var size: Int64
    /// A media type such as `image/jpeg`, perhaps with parameters.
    public var contentType: String
    /// Where the file is, `http` or `https`.
    public var url: String
    /// Pixels.
    public var width: Int64?
    /// Pixels.
    public var height: Int64?
    /// How long a video or a recording lasts.
    public var durationMilliseconds: Int64?

    /// What is not known of the file may be left out.
    public init(
        _ kind: MediaKind, name: String, size: Int64, contentType: String, url: String, width: Int64? = nil, height: Int64? = nil,
        durationMilliseconds: Int64? = nil
    ) {
        self.kind = kind
        self.name = name
        self.size = size
        self.contentType = contentType
        self.url = url
        self.width = width
        self.height = height
        self.durationMilliseconds = durationMilliseconds
    }

    /// The body of `POST /v1/media`.
    var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
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
        }
        return json.bytes
    }
}
