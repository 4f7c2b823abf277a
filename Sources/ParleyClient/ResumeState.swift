public import ParleyModel

/// How far a client has read: enough to go on after a lost connection, or after a restart of the program.
///
/// A value that follows from the events alone: ``note(_:)`` them in order, and it says where to resume. Save
/// ``ParleyClient/resumeState``, and give it to the next client's configuration.
public struct ResumeState: Sendable, Equatable {
    /// The newest cursor that the server gave. It covers all that was told before it, except what ``positions`` hold.
    public private(set) var cursor: String?
    /// The last number of each conversation that had messages since the cursor.
    public private(set) var positions: [ConversationID: Int64] = [:]
    /// The same for conversations that the cursor covers: to know repeats by.
    private var covered: [ConversationID: Int64] = [:]

    public init() {}

    /// The last number that was told of a conversation; nil when none was.
    public func position(of id: ConversationID) -> Int64? { positions[id] ?? covered[id] }

    /// Takes an event that the client is done with.
    public mutating func note(_ event: Event) {
        switch event {
        case .message(let message): advance(message.message.conversationID, to: message.message.sequenceNumber)
        case .skipped(let id, _, let through): advance(id, to: through)
        case .conversation(.removed(let id)):
            positions[id] = nil
            covered[id] = nil
        case .caughtUp(let cursor):
            // Messages that came live meanwhile are not covered by it.
            self.cursor = cursor
        case .heartbeat(let heartbeat):
            guard let cursor = heartbeat.cursor else { return }
            self.cursor = cursor
            covered.merge(positions) { _, later in later }
            positions = [:]
        default: break
        }
    }

    /// The server does not take the cursor. What it covered is asked for by number, as far as numbers are known.
    mutating func forgetCursor() {
        cursor = nil
        positions.merge(covered) { position, _ in position }
        covered = [:]
    }

    private mutating func advance(_ id: ConversationID, to number: Int64) {
        guard number > position(of: id) ?? 0 else { return }
        positions[id] = number
    }
}

extension ResumeState: Codable {
    private enum CodingKeys: String, CodingKey {
        case cursor, positions, covered
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        cursor = try container.decodeIfPresent(String.self, forKey: .cursor)
        positions = try Self.positions(.positions, in: container)
        covered = try Self.positions(.covered, in: container)
    }

    private static func positions(
        _ key: CodingKeys, in container: KeyedDecodingContainer<CodingKeys>
    ) throws -> [ConversationID: Int64] {
        var positions: [ConversationID: Int64] = [:]
        for (name, number) in try container.decode([String: Int64].self, forKey: key) {
            guard let id = ConversationID(name) else {
                throw DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: "\(name) is not a UUID")
            }
            positions[id] = number
        }
        return positions
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(cursor, forKey: .cursor)
        try container.encode(Self.named(positions), forKey: .positions)
        try container.encode(Self.named(covered), forKey: .covered)
    }

    private static func named(_ positions: [ConversationID: Int64]) -> [String: Int64] {
        Dictionary(uniqueKeysWithValues: positions.map { ($0.key.description, $0.value) })
    }
}
