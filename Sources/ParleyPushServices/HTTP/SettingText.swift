/// Names out of settings that become a part of every payload.
enum SettingText {
    /// Throws a sentence when it is longer than that, or holds what cannot be seen.
    static func check(_ text: String, maxBytes: Int) throws(PushKeyError) {
        guard text.utf8.count <= maxBytes else {
            throw PushKeyError("it has \(text.utf8.count) bytes; \(maxBytes) are the most, for it goes into every notification")
        }
        guard !text.isEmpty,
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control || $0.properties.isWhitespace })
        else { throw PushKeyError("it must be a name without spaces and control characters") }
    }
}
