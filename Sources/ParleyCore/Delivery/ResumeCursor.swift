public import ParleyModel

/// Where a client's knowledge ends: a mark for messages and a time for everything else. Opaque to clients, who keep the
/// newest one they were given and bring it back, a second or a year later.
public struct ResumeCursor: Sendable, Equatable {
    public let mark: ActivityMark
    public let time: Timestamp

    public init(mark: ActivityMark, time: Timestamp) {
        self.mark = mark
        self.time = time
    }

    /// Changes are found again by the clocks that wrote them, which may differ a little, and a transaction may have been
    /// under way; a change told twice changes nothing.
    static let marginSeconds = 10.0

    /// From when on changes are told again.
    var changesSince: Timestamp { time.advanced(bySeconds: -Self.marginSeconds) }

    public var text: String { "1.\(mark.value).\(time.milliseconds)" }

    public init?(_ text: String) {
        let parts = text.utf8.count <= 64 ? text.split(separator: ".", omittingEmptySubsequences: false).map { Int64($0) } : []
        guard parts.count == 3, parts[0] == 1, let mark = parts[1], let time = parts[2], mark >= 0,
            (0...Timestamp.distantFuture.milliseconds).contains(time)
        else { return nil }
        self.init(mark: ActivityMark(mark), time: Timestamp(milliseconds: time))
    }
}

/// What a client brings along when it subscribes.
public struct ResumeRequest: Sendable, Equatable {
    public var cursor: ResumeCursor?
    /// The last number the client has in each conversation.
    public var positions: [ConversationID: Int64]
    /// Nil for all conversations.
    public var only: Set<ConversationID>?
    /// Messages of one conversation beyond which nothing is replayed; nil for no limit.
    public var replayLimit: Int64?

    public init(
        cursor: ResumeCursor? = nil, positions: [ConversationID: Int64] = [:], only: Set<ConversationID>? = nil, replayLimit: Int64? = nil
    ) {
        self.cursor = cursor
        self.positions = positions
        self.only = only
        self.replayLimit = replayLimit
    }
}
