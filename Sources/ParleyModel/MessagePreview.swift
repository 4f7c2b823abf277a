/// The short line that stands for a message in lists and notifications (DESIGN section 3, "Preview").
public enum MessagePreview {
    /// Characters of a text shown in a conversation list.
    public static let listLength = 100
    /// Characters of the preview shown in a notification.
    public static let notificationLength = 50

    public static func preview(of type: MessageType, content: String, mediaCount: Int) -> String {
        switch type {
        case .text: shortened(content)
        case .image: mediaCount > 1 ? "📷 \(mediaCount) photos" : "📷 Photo"
        case .video: "🎥 Video"
        case .audio: "🎵 Audio"
        case .document: "📄 Document"
        case .location: "📍 Location"
        case .contact: "👤 Contact"
        default: "Message"
        }
    }

    /// The first characters of a preview, for a notification.
    public static func notification(from preview: String) -> String {
        String(preview.prefix(notificationLength))
    }

    /// The first 100 characters as a person sees them, `...` if there were more, line breaks as spaces. Reads no
    /// further than it must: a text of ten thousand characters costs the same as one of a hundred.
    private static func shortened(_ text: String) -> String {
        if let ascii = shortenedASCII(text) { return ascii }
        var shown = text.prefix(listLength)
        let isCut = shown.endIndex < text.endIndex
        if shown.contains(where: \.isNewline) {
            shown = Substring(shown.map { $0.isNewline ? " " : $0 })
        }
        return isCut ? shown + "..." : String(shown)
    }

    /// The same where the first characters are ASCII without control characters, so that each is one byte; nil
    /// elsewhere. Finding the borders of characters is by far the dearest part of a create otherwise.
    private static func shortenedASCII(_ text: String) -> String? {
        var text = text
        return text.withUTF8 { bytes in
            // One byte more than is shown: a combining mark behind the last character would belong to it.
            let seen = bytes.prefix(listLength + 1)
            guard seen.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return nil }
            let shown = String(decoding: UnsafeBufferPointer(rebasing: seen.prefix(listLength)), as: UTF8.self)
            return bytes.count > listLength ? shown + "..." : shown
        }
    }
}
