import ArgumentParser
import CoreMetrics
import Foundation
import Logging
import ParleyAPI
import ParleyBench
import ParleyCore
import ParleyModel
import ParleyStores

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure this machine: creates, reads, deliveries to sockets, notifications, as ratios to its own limits.",
        discussion: """
            Starts servers of its own on seeded data in temporary folders and drives them over loopback from this process. A full run takes \
            some twenty minutes. With --cluster it measures two nodes on the engines whose URLs are set, beside a service without \
            batches and beside what the engines can do; `make bench-cluster` starts such engines for it. With --push it measures notifications through the push worker to stand-ins for \
            APNs, FCM and Web Push, which it starts itself; that takes some seven minutes. The rows of sockets need more than 10,000 open files in each process (ulimit -n). What the rows mean is told in docs/PERFORMANCE.md.
            """)

    @Option(help: "Seconds that each row is measured (default: 5; 0.5 with --quick).")
    var seconds: Double?

    @Option(help: "How often each row is measured; medians are reported (default: 3; once with --quick).")
    var repeats: Int?

    @Option(help: "At these numbers of senders only, for example 1,64.")
    var senders: String?

    @Flag(help: "A short smoke run with small sizes; judges no aims.")
    var quick = false

    @Option(help: "Measure this part alone: creates (with history and lists) or sockets.")
    var only: String?

    @Flag(help: "Measure a cluster instead: two nodes and a plain service on the four engines of the settings, which must hold no data.")
    var cluster = false

    @Flag(help: "Measure notifications instead: push workers, with the stores of embedded mode, to stand-ins for the push services.")
    var push = false

    @OptionGroup var options: SettingsOptions

    @Option(help: "Write the report as JSON to this file.")
    var output: String?

    @Option(help: "Where to make the temporary folders; its disk is part of what is measured.")
    var folder = "/var/tmp"

    @Option(help: "Push provider of the measured server: log or none.")
    var pushProvider = "log"

    func validate() throws {
        if let seconds, seconds <= 0 { throw ValidationError("--seconds must be more than 0.") }
        if let repeats, repeats < 1 { throw ValidationError("--repeats must be at least 1.") }
        if senders != nil, senderCounts == nil { throw ValidationError("--senders takes numbers from 1 to 1000, for example 1,64.") }
        if let only, !["creates", "sockets"].contains(only) { throw ValidationError("--only must be creates or sockets.") }
        if cluster, only != nil { throw ValidationError("--cluster has no parts: leave out --only.") }
        if push, cluster || only != nil || senders != nil {
            throw ValidationError("--push has no parts and no senders: leave out --cluster, --only and --senders.")
        }
        if BenchConfiguration.PushProvider(rawValue: pushProvider) == nil { throw ValidationError("--push-provider must be log or none.") }
    }

    func run() async throws {
        var bench = BenchConfiguration(
            openStores: { folder in try Self.stores(folder) },
            token: { user, secret in
                try await TokenIssuer(secret: secret).token(for: user, isService: false, seconds: 86_400, at: SystemTimeSource().now())
            },
            progress: { line in FileHandle.standardError.write(Data((line + "\n").utf8)) })
        if cluster { try await measure(cluster: &bench) }
        if push { measurePush(&bench) }
        if let part = only.flatMap(BenchConfiguration.Part.init(rawValue:)) { bench.parts = [part] }
        OpenFiles.raiseLimit()
        bench.seconds = seconds
        bench.repeats = repeats
        bench.isQuick = quick
        bench.senders = senderCounts
        bench.parentFolder = folder
        bench.pushProvider = BenchConfiguration.PushProvider(rawValue: pushProvider) ?? .log
        let report = try await Bench(configuration: bench).run()
        print(report.text)
        if let output { try report.writeJSON(to: output) }
    }

    /// In ascending order; nil when there are none, or none that make sense.
    private var senderCounts: [Int]? {
        let parts = senders?.split(separator: ",", omittingEmptySubsequences: false) ?? []
        let counts = parts.compactMap { Int($0) }.filter { (1...1000).contains($0) }
        return counts.isEmpty || counts.count < parts.count ? nil : Set(counts).sorted()
    }

    private func measure(cluster bench: inout BenchConfiguration) async throws {
        let settings = try await options.settings()
        guard let engines = try Engines(settings) else {
            throw Failure(
                "bench --cluster needs the URLs of four engines without data: mongodb.url, postgres.url, redis.url, amqp.url. make bench-cluster starts such engines."
            )
        }
        bench.parts = [.cluster]
        bench.cluster = engines.benchTarget(settings)
        bench.openStores = { _ in try await engines.seedStores() }
        // What the queues hold after a row takes longer to be done than with everything in one process.
        bench.settleSeconds = 30
    }

    /// With metrics, as a server counts them.
    private func measurePush(_ bench: inout BenchConfiguration) {
        MetricsSystem.bootstrap(PrometheusRegistry())
        bench.parts = [.push]
        bench.push = .embedded
    }

    private static func stores(_ folder: String) throws -> SeedStores {
        let database = try SQLiteDatabase(folder: folder, access: .exclusive, logger: Logger(label: "parley.bench"))
        let messages = SQLiteMessageStore(database)
        return SeedStores(
            messages: messages, conversations: SQLiteConversationStore(database), effects: messages, close: { database.close() })
    }
}
