public import ParleyModel

/// What `Last-Event-ID` says: the newest cursor of a stream of events, and how far it came since in a few conversations.
/// Written as `<cursor>` or `<cursor>;<conversation>=<number>,…`.
///
/// A conversation that is not named goes on from the cursor; so leaving one out can only repeat messages, never lose one.
public struct EventStreamID: Sendable, Equatable {
    /// Conversations named in one id: each event carries an id, so it must stay small.
    static let maxPositions = 8

    private let cursor: ResumeCursor
    /// What was written since the last cursor, and between it and the one before. A cursor is a few seconds older than the
    /// moment it is told, so the earlier ones still count.
    private var recent: [ConversationID: Int64] = [:]
    private var earlier: [ConversationID: Int64] = [:]

    public init(_ cursor: ResumeCursor) {
        self.cursor = cursor
    }

    /// Goes on from a newer cursor.
    public func advanced(to cursor: ResumeCursor) -> EventStreamID {
        var next = EventStreamID(cursor)
        next.earlier = recent
        return next
    }

    /// A message was written.
    public mutating func wrote(_ number: Int64, in conversation: ConversationID) {
        if recent.count < Self.maxPositions || recent[conversation] != nil { recent[conversation] = number }
        earlier[conversation] = nil
    }

    public var positions: [ConversationID: Int64] { earlier.merging(recent) { _, newer in newer } }

    public var text: String {
        let named = (Array(recent) + Array(earlier)).prefix(Self.maxPositions)
        guard !named.isEmpty else { return cursor.text }
        return cursor.text + ";" + named.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }

    /// Reads an id of this server; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard text.utf8.count <= 2048, parts.count <= 2, let cursor = ResumeCursor(String(parts[0])) else { return nil }
        self.cursor = cursor
        guard parts.count == 2 else { return }
        for place in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
            let pair = place.split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2, let id = ConversationID(pair[0]), let number = Int64(pair[1]), number >= 0 else { return nil }
            recent[id] = number
        }
    }

    /// How a stream goes on from here.
    public func request(replayLimit: Int64?) -> ResumeRequest {
        ResumeRequest(cursor: cursor, positions: positions, replayLimit: replayLimit)
    }
}
