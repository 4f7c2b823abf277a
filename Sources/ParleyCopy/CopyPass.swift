import ParleyCore
import ParleyModel
import ParleyPostgres
import ParleyStores

/// Goes through the whole folder once, and writes what the target lacks or has otherwise. When it returns, the target holds
/// at least what the folder held when it began.
///
/// Conversations come after the messages that they speak of: a page is read at one moment, then the messages up to that
/// moment are copied, then the page is written. So what a conversation says of its messages is true in the target at any time.
struct CopyPass: Sendable {
    let source: CopiedFolder
    let postgres: PostgresCopyTarget
    var messages: MessageCopy
    let tell: @Sendable (String) -> Void
    let hook: CopyHook
    var counts = CopyCounts()

    init(
        source: CopiedFolder, postgres: PostgresCopyTarget, messages: MessageCopy, tell: @escaping @Sendable (String) -> Void,
        hook: @escaping CopyHook
    ) {
        self.source = source
        self.postgres = postgres
        self.messages = messages
        self.tell = tell
        self.hook = hook
    }

    mutating func run() async throws {
        try await copyMedia()
        counts.messages += try await messages.copy(through: try await source.reader.newestPosition())
        try await copyConversations()
        try await copyDepartures()
        try await copyDevices()
        try await copyRevocations()
        try await copySettings()
    }

    private mutating func copyConversations() async throws {
        try await messages.makeConversations()
        var after = ConversationRef.start
        var lines = ProgressLines("conversations")
        while true {
            let page = try await source.reader.conversations(after: after)
            guard !page.records.isEmpty else { return }
            counts.messages += try await messages.copy(through: page.newest)
            counts.rows += Int64(try await postgres.putConversations(page.records))
            try await hook(.conversationsPut)
            counts.conversations += Int64(page.records.count)
            counts.participants += page.records.reduce(0) { $0 + Int64($1.participants.count) }
            after = page.last
            if let line = lines.line(at: counts.conversations, of: nil) { tell(line) }
        }
    }

    private mutating func copyMedia() async throws {
        var after: MediaID?
        while true {
            let page = try await source.reader.media(after: after)
            guard let last = page.last?.id else { return }
            counts.rows += Int64(try await postgres.putMedia(page))
            try await hook(.mediaPut)
            after = last
        }
    }

    private mutating func copyDepartures() async throws {
        var after: UserID?
        while true {
            let page = try await source.reader.departures(after: after)
            // A departure may be from a conversation that was made since.
            try await messages.makeConversations()
            let through = page.last?.userID
            counts.rows += Int64(try await postgres.putDepartures(page, after: after, through: through))
            try await hook(.departuresPut)
            guard let through else { return }
            after = through
        }
    }

    private mutating func copyDevices() async throws {
        var after: DeviceID?
        while true {
            let page = try await source.reader.devices(after: after)
            let through = page.last?.device.id
            counts.rows += Int64(try await postgres.putDevices(page, after: after, through: through))
            try await hook(.devicesPut)
            guard let through else { return }
            after = through
        }
    }

    private mutating func copySettings() async throws {
        var after: UserID?
        while true {
            let page = try await source.reader.settings(after: after)
            guard let last = page.last?.userID else { return }
            counts.rows += Int64(try await postgres.putSettings(page))
            try await hook(.settingsPut)
            after = last
        }
    }

    private mutating func copyRevocations() async throws {
        var after: UserID?
        while true {
            let page = try await source.reader.revocations(after: after)
            guard let last = page.last?.userID else { return }
            counts.rows += Int64(try await postgres.putRevocations(page))
            try await hook(.revocationsPut)
            after = last
        }
    }
}
