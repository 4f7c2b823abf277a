public import ParleyCore
public import ParleyModel

/// Stores messages that have their numbers already, as they come from another store.
public struct MongoMessageImport: Sendable {
    private let database: MongoDatabase

    /// Over a database that is migrated.
    public init(_ database: MongoDatabase) {
        self.database = database
    }

    /// Whether there is no message at all.
    public func isEmpty() async throws(StoreError) -> Bool {
        try await database.run { connection throws(StoreError) in try connection.find(BSON(), by: .id, limit: 1).isEmpty }
    }

    /// Stores the messages in this order, durably, and tells how many were new; those that are stored already are passed over.
    ///
    /// Insertion stops at the first message that is refused, so that where each conversation's messages come in the order of
    /// their numbers, no number is ever there without those below it. However often it is interrupted, and by whatever: the
    /// same call again goes on.
    ///
    /// Throws `unexpected` when a number, a key or an id is another message's.
    public func store(_ messages: [Message]) async throws(StoreError) -> Int {
        try await database.run { connection throws(StoreError) in
            var work = ImportRun(connection, messages)
            while !work.isDone { try work.insert() }
            return work.stored
        }
    }
}

/// One call of an import, on a thread that may block.
private struct ImportRun {
    /// Times that it survives losing its insert.
    private static let maxLosses = 5

    private let connection: MongoConnection
    private var rest: ArraySlice<Message>
    private(set) var stored = 0
    private var losses = 0

    init(_ connection: MongoConnection, _ messages: [Message]) {
        self.connection = connection
        rest = messages[...]
    }

    var isDone: Bool { rest.isEmpty }

    mutating func insert() throws(StoreError) {
        switch connection.insert(rest.map(MessageDocument.document)) {
        case .stored: pass(rest.count)
        case .refused(let place, _):
            pass(place)
            let known = try passOverKnown()
            if let next = rest.first, known == 0 { throw .unexpected(Self.conflict(next)) }
        case .lost(let cause):
            losses += 1
            guard losses <= Self.maxLosses else { throw .unavailable(cause) }
            stored += try passOverKnown()
        case .notSent(let cause): throw .unavailable(cause)
        case .impossible(let place, let cause):
            pass(place)
            throw .unexpected(cause)
        }
    }

    private mutating func pass(_ count: Int) {
        rest = rest.dropFirst(count)
        stored += count
    }

    /// Drops what is stored already, and tells how much that was.
    private mutating func passOverKnown() throws(StoreError) -> Int {
        let found = try connection.settle(rest.map(\.id))
        for message in rest {
            if let other = found[message.id], other != message { throw .unexpected(Self.conflict(message)) }
        }
        let left = rest.filter { found[$0.id] == nil }
        defer { rest = left[...] }
        return rest.count - left.count
    }

    private static func conflict(_ message: Message) -> String {
        """
        mongodb: message \(message.sequenceNumber) of conversation \(message.conversationID) cannot be stored: its number, its \
        client_message_id or its id is another message's
        """
    }
}
