import ArgumentParser
import Foundation
import Logging
import ParleyAPI
import ParleyBench
import ParleyCore
import ParleyModel
import ParleyStores

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure this machine: creates, reads, deliveries to sockets, as ratios to its own limits.",
        discussion: """
            Starts servers of its own on seeded data in temporary folders and drives them over loopback from this process. A full run takes \
            some twenty minutes. The rows of sockets need more than 10,000 open files in each process (ulimit -n). What the rows mean is told in docs/PERFORMANCE.md.
            """)

    @Option(help: "Seconds that each row is measured.")
    var seconds = 5.0

    @Option(help: "How often each row is measured; medians are reported.")
    var repeats = 3

    @Flag(help: "A short smoke run with small sizes; judges no aims.")
    var quick = false

    @Option(help: "Measure this part alone: creates (with history and lists) or sockets.")
    var only: String?

    @Option(help: "Write the report as JSON to this file.")
    var output: String?

    @Option(help: "Where to make the temporary folders; its disk is part of what is measured.")
    var folder = "/var/tmp"

    @Option(help: "Push provider of the measured server: log or none.")
    var pushProvider = "log"

    func validate() throws {
        if seconds <= 0 { throw ValidationError("--seconds must be more than 0.") }
        if repeats < 1 { throw ValidationError("--repeats must be at least 1.") }
        if let only, BenchConfiguration.Part(rawValue: only) == nil { throw ValidationError("--only must be creates or sockets.") }
        if BenchConfiguration.PushProvider(rawValue: pushProvider) == nil { throw ValidationError("--push-provider must be log or none.") }
    }

    func run() async throws {
        var bench = BenchConfiguration(
            openStores: { folder in try Self.stores(folder) },
            token: { user, secret in
                try await TokenIssuer(secret: secret).token(for: user, isService: false, seconds: 86_400, at: SystemTimeSource().now())
            },
            progress: { line in FileHandle.standardError.write(Data((line + "\n").utf8)) })
        if let part = only.flatMap(BenchConfiguration.Part.init(rawValue:)) { bench.parts = [part] }
        OpenFiles.raiseLimit()
        bench.seconds = seconds
        bench.repeats = repeats
        bench.isQuick = quick
        bench.parentFolder = folder
        bench.pushProvider = BenchConfiguration.PushProvider(rawValue: pushProvider) ?? .log
        let report = try await Bench(configuration: bench).run()
        print(report.text)
        if let output { try report.writeJSON(to: output) }
    }

    private static func stores(_ folder: String) throws -> SeedStores {
        let database = try SQLiteDatabase(folder: folder, access: .exclusive, logger: Logger(label: "parley.bench"))
        let messages = SQLiteMessageStore(database)
        return SeedStores(
            messages: messages, conversations: SQLiteConversationStore(database), effects: messages, close: { database.close() })
    }
}
