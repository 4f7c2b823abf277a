public import ParleyModel

/// The bounds of what is kept of a file.
public enum MediaLimits {
    /// Code points, as JSON Schema's `maxLength` counts.
    public static let nameLength = 255
    public static let contentTypeLength = 255
    public static let urlLength = 2048
    /// Bytes: the largest whole number that every JSON reader keeps exactly (RFC 8259, section 6).
    public static let size: Int64 = 9_007_199_254_740_991
    /// Pixels.
    public static let side: Int64 = 2_147_483_647
    /// Almost 25 days.
    public static let durationMilliseconds: Int64 = 2_147_483_647
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

    /// The media it describes. Throws the first thing that is wrong.
    public func checked(id: MediaID, owner: UserID, at now: Timestamp) throws(ParleyError) -> Media {
        guard let kind = MediaKind(rawValue: kind) else { throw .invalid("kind", "must be image, video, audio or document") }
        try checkTexts()
        try check(size, "size", in: 0...MediaLimits.size)
        try check(width, "width", in: 1...MediaLimits.side)
        try check(height, "height", in: 1...MediaLimits.side)
        try check(durationMilliseconds, "duration_ms", in: 0...MediaLimits.durationMilliseconds)
        return Media(
            id: id, ownerID: owner, kind: kind, name: name, size: size, contentType: contentType, url: url, width: width,
            height: height, durationMilliseconds: durationMilliseconds, createdAt: now)
    }

    private func checkTexts() throws(ParleyError) {
        guard !name.isEmpty else { throw .invalid("name", "must not be empty") }
        try checkText(name, "name", length: MediaLimits.nameLength)
        try checkText(contentType, "content_type", length: MediaLimits.contentTypeLength)
        guard TextForm.isContentType(contentType) else {
            throw .invalid("content_type", "must be a media type such as image/jpeg, perhaps with parameters")
        }
        try checkText(url, "url", length: MediaLimits.urlLength)
        guard TextForm.isWebAddress(url) else {
            throw .invalid("url", "must be an http or https address such as https://example.com/a.jpg")
        }
    }

    private func check(_ value: Int64?, _ field: String, in range: ClosedRange<Int64>) throws(ParleyError) {
        guard let value, !range.contains(value) else { return }
        throw .invalid(field, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
}
