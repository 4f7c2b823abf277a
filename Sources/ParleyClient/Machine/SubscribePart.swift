import ParleyModel

/// What one `subscribe` command says.
struct SubscribePart: Sendable, Equatable {
    var cursor: String?
    var positions: [(ConversationID, Int64)] = []
    var replayLimit: Int64?
    var conversationIDs: [ConversationID]?
    var hasMore = false

    static func == (left: Self, right: Self) -> Bool {
        left.cursor == right.cursor && left.replayLimit == right.replayLimit && left.conversationIDs == right.conversationIDs
            && left.hasMore == right.hasMore && left.positions.elementsEqual(right.positions) { $0 == $1 }
    }
}

/// A whole subscription, in as many parts as the server's limits ask for.
struct Subscription: Sendable {
    /// Bytes of the longest position, `"…":9223372036854775807,`; an id is shorter.
    private static let entryBytes = 60
    /// More than all else in a command takes, but for the cursor.
    private static let frameBytes = 256

    var cursor: String?
    var positions: [ConversationID: Int64] = [:]
    var replayLimit: Int64?
    var conversationIDs: [ConversationID]?

    /// All parts but the last say `more`. The server adds up what they say.
    func parts(positionsLimit: Int, frameLimit: Int) -> [SubscribePart] {
        let room = max(1, min(positionsLimit, (frameLimit - Self.frameBytes - (cursor?.utf8.count ?? 0)) / Self.entryBytes))
        var positions = positions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }[...]
        var ids = (conversationIDs ?? [])[...]
        var parts: [SubscribePart] = []
        while positions.count + ids.count > room {
            var part = SubscribePart(positions: Array(positions.prefix(room)), hasMore: true)
            positions = positions.dropFirst(room)
            let named = ids.prefix(room - part.positions.count)
            if !named.isEmpty { part.conversationIDs = Array(named) }
            ids = ids.dropFirst(named.count)
            parts.append(part)
        }
        // Without an id left to name, earlier parts have named them all; an empty list alone means none of them.
        let last = ids.isEmpty && !parts.isEmpty ? nil : conversationIDs.map { _ in Array(ids) }
        parts.append(SubscribePart(cursor: cursor, positions: Array(positions), replayLimit: replayLimit, conversationIDs: last))
        return parts
    }
}
