import ArgumentParser
import Logging
import ParleyCore
import ParleyModel
import ParleyStores

struct PushCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Look after push jobs that were given up, try out push services, make a key for Web Push.",
        subcommands: [List.self, Replay.self, PushTestCommand.self, WebPushKey.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List dead letters, one JSON object a line, oldest first. A server may be running.")

        @Option(help: "How many at most.")
        var limit = 100

        @Option(help: "Only those after this id.")
        var after: Int64?

        @OptionGroup var options: SettingsOptions

        func run() async throws {
            try await withQueue(options) { queue in
                for letter in try await queue.deadLetters(limit: limit, after: after.map(PushJobID.init)) {
                    print(String(decoding: PushCommand.line(letter), as: UTF8.self))
                }
            }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay", abstract: "Make dead letters due again. A running server takes them up within a second.")

        @Argument(help: "Ids as `parley push list` shows them.")
        var ids: [Int64] = []

        @Flag(help: "All of them.")
        var all = false

        @OptionGroup var options: SettingsOptions

        func validate() throws {
            if ids.isEmpty != all { throw ValidationError("Give ids, or --all.") }
        }

        func run() async throws {
            try await withQueue(options) { queue in
                let count = try await queue.replay(all ? nil : ids.map(PushJobID.init), at: SystemTimeSource().now())
                print("\(count) push jobs are due again.")
            }
        }
    }

    private static func withQueue(_ options: SettingsOptions, _ body: (any PushQueue) async throws -> Void) async throws {
        let settings = try await options.settings()
        let logger = Logger(label: "parley.push")
        if let engines = try Engines(settings) { return try await engines.withPushQueue(logger, body) }
        let folder = settings.text("data")
        let database = try SQLiteDatabase(folder: folder, access: .shared, logger: logger)
        defer { database.close() }
        try await body(SQLitePushQueue(database))
    }

    private static func line(_ letter: DeadPushJob) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.name("id")
            json.integer(letter.id.value)
            json.name("message_id")
            json.id(letter.job.messageID)
            json.name("conversation_id")
            json.id(letter.job.conversationID)
            json.name("recipients")
            json.array(letter.job.recipients) { $0.id($1) }
            json.name("attempts")
            json.integer(letter.attempts)
            json.name("reason")
            json.string(letter.reason)
            json.name("died_at")
            json.timestamp(letter.diedAt)
        }
        return json.bytes
    }
}
