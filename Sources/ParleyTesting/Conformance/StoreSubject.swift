public import ParleyCore
public import ParleyModel

/// The stores of one back end, which look at each other's facts: appends need conversations, unread counts need messages.
public struct StoreSubject: Sendable {
    public let messages: any MessageStore
    public let effects: any EffectLog
    public let conversations: any ConversationStore
    public let media: any MediaStore

    public init(
        messages: any MessageStore, effects: any EffectLog, conversations: any ConversationStore, media: any MediaStore
    ) {
        self.messages = messages
        self.effects = effects
        self.conversations = conversations
        self.media = media
    }

    /// One store that is all four.
    public init(_ store: some MessageStore & EffectLog & ConversationStore & MediaStore) {
        self.init(messages: store, effects: store, conversations: store, media: store)
    }
}

extension StoreSubject {
    /// A new group; the first user is its owner.
    public func group(_ users: [UserID], title: String? = "Group", at time: Timestamp = Sample.start) async throws -> ConversationID {
        let id = ConversationID.random()
        try await conversations.createGroup(id: id, title: title, creator: users[0], others: Array(users.dropFirst()), at: time)
        return id
    }

    /// Appends the messages, and applies what they mean for the conversations if the store leaves that to its caller.
    @discardableResult
    public func send(_ batch: [NewMessage]) async throws -> [AppendOutcome] {
        let outcomes = try await messages.append(batch)
        try checkEqual(outcomes.count, batch.count, "outcomes of an append")
        guard !messages.appliesMetadata else { return outcomes }
        let stored = outcomes.compactMap(\.storedMessage)
        for (conversation, messages) in Dictionary(grouping: stored, by: \.conversationID) {
            try await apply(messages, of: conversation)
        }
        return outcomes
    }

    @discardableResult
    public func send(_ message: NewMessage) async throws -> Message {
        try checkPresent(try await send([message])[0].storedMessage, "a stored message for \(message)")
    }

    /// Sends that many messages, one after the other, a second apart.
    @discardableResult
    public func send(_ count: Int, in conversation: ConversationID, from sender: UserID) async throws -> [Message] {
        try await sendLogged(count, in: conversation, from: sender).map(\.message)
    }

    /// As above, with the messages' places in the log.
    func sendLogged(_ count: Int, in conversation: ConversationID, from sender: UserID) async throws -> [LoggedMessage] {
        try await send((0..<count).map { .sample($0, in: conversation, from: sender) }).map { outcome in
            guard case .stored(let message, let position) = outcome else {
                throw ConformanceFailure(description: "a message without a key: found \(outcome), expected stored")
            }
            return LoggedMessage(message: message, position: position)
        }
    }

    private func apply(_ stored: [Message], of conversation: ConversationID) async throws {
        guard let last = stored.last?.sequenceNumber else { return }
        var update = MetadataUpdate(stored)
        while case .tooEarly(let applied) = try await conversations.apply(update) {
            guard applied < last else { return }
            update = MetadataUpdate(try await history(of: conversation, .after(applied), limit: 200).messages)
        }
        // What filled a gap may have ended before the batch did.
        if update.last < last { try await apply(stored, of: conversation) }
    }

    public func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int = 200) async throws -> History {
        try await messages.history(of: conversation, query, limit: limit)
    }

    /// Every message of a conversation, from the first on.
    public func allMessages(of conversation: ConversationID) async throws -> [Message] {
        var all: [Message] = []
        while true {
            let page = try await history(of: conversation, .after(all.last?.sequenceNumber ?? 0))
            all += page.messages
            if !page.hasMore { return all }
        }
    }

    /// The conversation as a participant sees it.
    public func view(
        _ conversation: ConversationID, _ user: UserID, file: StaticString = #fileID, line: UInt = #line
    ) async throws -> ConversationView {
        try checkPresent(try await conversations.view(of: conversation, for: user), "a participant's view", file: file, line: line)
    }

    public func unread(_ conversation: ConversationID, _ user: UserID) async throws -> Int64 {
        try await view(conversation, user).readState.unreadCount
    }

    /// Follows the cursors of a user's list to its end; `between` runs after each page.
    public func pages(
        of user: UserID, limit: Int, between: () async throws -> Void = {}
    ) async throws -> [ConversationView] {
        var all: [ConversationView] = []
        var cursor: String?
        repeat {
            let page = try await conversations.list(for: user, limit: limit, cursor: cursor)
            try check(page.views.count <= limit, "a page of at most \(limit), found \(page.views.count)")
            all += page.views
            cursor = page.nextCursor
            try check(all.count < 10_000, "cursors that come to an end")
            if cursor != nil { try await between() }
        } while cursor != nil
        return all
    }
}

extension MetadataUpdate {
    /// The step that follows from consecutive messages of one conversation.
    init(_ messages: [Message]) {
        let last = messages[messages.count - 1]
        self.init(
            conversationID: last.conversationID, first: messages[0].sequenceNumber, last: last.sequenceNumber,
            lastMessage: LastMessage(id: last.id, at: last.createdAt, preview: Sample.preview(of: last.content)),
            sentBy: messages.reduce(into: [:]) { $0[$1.senderID, default: 0] += 1 }, earliestAt: messages.map(\.createdAt).min())
    }
}

extension NewMessage {
    static func sample(_ number: Int, in conversation: ConversationID, from sender: UserID) -> NewMessage {
        Sample.draft(in: conversation, from: sender, "Message \(number)", at: Sample.time(Double(number)))
    }
}

extension AppendOutcome {
    public var storedMessage: Message? {
        if case .stored(let message, _) = self { message } else { nil }
    }

    public var repeatedMessage: Message? {
        if case .repeated(let message) = self { message } else { nil }
    }

    public var position: LogPosition? {
        if case .stored(_, let position) = self { position } else { nil }
    }
}
