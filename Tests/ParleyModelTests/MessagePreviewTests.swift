import ParleyModel
import Testing

struct MessagePreviewTests {
    @Test(arguments: [
        ("short", "short"),
        (String(repeating: "a", count: 100), String(repeating: "a", count: 100)),
        (String(repeating: "a", count: 101), String(repeating: "a", count: 100) + "..."),
        // A family is one character of seven code points; a hundred of them are shown whole.
        (String(repeating: "👨‍👩‍👧‍👦", count: 100), String(repeating: "👨‍👩‍👧‍👦", count: 100)),
        (String(repeating: "👨‍👩‍👧‍👦", count: 101), String(repeating: "👨‍👩‍👧‍👦", count: 100) + "..."),
        (String(repeating: "a", count: 99) + "e\u{301}x", String(repeating: "a", count: 99) + "e\u{301}..."),
        ("one\ntwo\r\nthree\u{2028}four", "one two three four"),
    ])
    func `a text shows its first hundred characters`(content: String, preview: String) {
        #expect(MessagePreview.preview(of: .text, content: content, mediaCount: 0) == preview)
    }

    @Test(arguments: [
        (MessageType.image, 1, "📷 Photo"), (.image, 0, "📷 Photo"), (.image, 3, "📷 3 photos"), (.video, 1, "🎥 Video"),
        (.audio, 1, "🎵 Audio"),
        (.document, 1, "📄 Document"), (.location, 0, "📍 Location"), (.contact, 0, "👤 Contact"),
        (MessageType(rawValue: "poll")!, 0, "Message"),
    ])
    func `other types show what they are`(type: MessageType, mediaCount: Int, preview: String) {
        #expect(MessagePreview.preview(of: type, content: "caption", mediaCount: mediaCount) == preview)
    }

    @Test func `a notification shows the first fifty characters`() {
        let preview = MessagePreview.preview(of: .text, content: String(repeating: "👍🏽", count: 60), mediaCount: 0)
        #expect(MessagePreview.notification(from: preview) == String(repeating: "👍🏽", count: 50))
    }
}
