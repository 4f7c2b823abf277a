import ArgumentParser
import Foundation
import Logging
import ParleyCopy
import ParleyCore
import ParleyEngines
import ParleyMongo
import ParleyPostgres
import ParleyRabbitMQ

struct CopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy a data folder into a cluster's engines, beside its server, then once more without.",
        discussion: """
            Moves from the embedded mode to cluster mode. Name the folder with --data, and the four engines by their URLs, best in the \
            environment: PARLEY_MONGODB_URL, PARLEY_POSTGRES_URL, PARLEY_REDIS_URL, PARLEY_AMQP_URL. The databases must be empty, or \
            hold an earlier copy of the same folder, and no node may run on them.

            While a server serves the folder, most is copied beside it. Then stop the server and run the command again: the last pass \
            is short. It says when the copy is finished; only then start nodes. It may be interrupted anywhere and run again. \
            docs/COPYING.md goes through it step by step.
            """)

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        umask(0o077)
        let settings = try await options.settings()
        guard let engines = try Engines(settings) else {
            throw Failure("Where to? Set the URLs of the four engines: mongodb.url, postgres.url, redis.url and amqp.url.")
        }
        let folder = settings.text("data")
        do {
            let summary = try await engines.withCopyTarget(Logger(label: "parley.copy")) { target in
                try await Copier(folder: folder, target: target, logger: Logger(label: "parley.copy"), tell: Self.tell).run()
            }
            try Self.tell(summary, folder)
        } catch let error as StoreError {
            throw Failure("The copy was interrupted: \(error.sentence). Nothing is lost; run the command again to go on.")
        }
    }

    /// Progress goes to standard error: standard output is the summary's.
    private static func tell(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

    private static func tell(_ summary: CopySummary, _ folder: String) throws {
        let counts = summary.counts
        if case .finishedBefore(let time) = summary.end {
            return print("The copy of \(folder) was finished at \(time), and nodes have worked on the target since. Nothing is left to do.")
        }
        print(
            """
            \(counts.messages) messages stored, \(counts.rows) rows written, \(counts.pushJobs) push jobs queued, \(counts.deadLetters) dead \
            letters put aside, in \(summary.passes) passes and \(Int(summary.seconds.rounded(.up))) seconds.
            \(counts.conversations) conversations with \(counts.participants) participants compared.
            """)
        guard summary.end == .finished else {
            throw Failure("A server still serves \(folder). Stop it, and run the command once more for the last pass.")
        }
        print("The copy is finished. Run parley verify, then start the nodes; do not start a server on \(folder) again.")
    }
}
