public import ParleyModel

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
        var shown = text.prefix(listLength)
        let isCut = shown.endIndex < text.endIndex
        if shown.contains(where: \.isNewline) {
            shown = Substring(shown.map { $0.isNewline ? " " : $0 })
        }
        return isCut ? shown + "..." : String(shown)
    }
}
