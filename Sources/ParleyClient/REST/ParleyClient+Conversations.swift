public import ParleyModel

/// Reading over REST. A refusal is thrown as ``ClientError/refused(_:)``, a failed request as
/// ``ClientError/connectionFailed(_:)``; a token that has expired is replaced, once.
extension ParleyClient {
    /// A page of the user's conversations.
    public nonisolated func conversations(limit: Int = 50, cursor: String? = nil) async throws -> ConversationPage {
        let json = try await rest.object(.init(path: "/v1/conversations", query: Self.page(limit, cursor)))
        return ConversationPage(
            conversations: try json.objects("conversations") { object throws(FieldError) in try ConversationView(object) },
            nextCursor: try json.string("next_cursor"))
    }

    /// All of the user's conversations, page by page: a snapshot for ``LocalView/begin(with:)``.
    public nonisolated func allConversations() async throws -> [ConversationView] {
        var all: [ConversationView] = []
        var cursor: String?
        repeat {
            let page = try await conversations(limit: 200, cursor: cursor)
            all += page.conversations
            cursor = page.nextCursor
        } while cursor != nil
        return all
    }

    /// One conversation as the user sees it.
    public nonisolated func conversation(_ id: ConversationID) async throws -> ConversationView {
        try ConversationView(try await rest.object(.init(path: "/v1/conversations/\(id)")))
    }

    /// Messages of a conversation, ascending by number.
    public nonisolated func history(of id: ConversationID, _ part: HistoryPart = .newest, limit: Int = 50) async throws -> MessagePage {
        try MessagePage(
            try await rest.object(.init(path: "/v1/conversations/\(id)/messages", query: part.query + Self.page(limit, nil))))
    }

    /// A page of a conversation's participants.
    public nonisolated func participants(of id: ConversationID, limit: Int = 50, cursor: String? = nil) async throws -> ParticipantPage {
        let json = try await rest.object(.init(path: "/v1/conversations/\(id)/participants", query: Self.page(limit, cursor)))
        return ParticipantPage(
            participants: try json.objects("participants") { object throws(FieldError) in try Participant(object) },
            nextCursor: try json.string("next_cursor"))
    }

    /// How many participants have read, and received, a message and all before it.
    public nonisolated func receipts(of id: ConversationID, at sequenceNumber: Int64) async throws -> ReceiptCounts {
        try ReceiptCounts(
            try await rest.object(
                .init(path: "/v1/conversations/\(id)/receipts", query: [("sequence_number", "\(sequenceNumber)")])))
    }

    private static func page(_ limit: Int, _ cursor: String?) -> [(String, String)] {
        [("limit", "\(limit)")] + (cursor.map { [("cursor", $0)] } ?? [])
    }
}
