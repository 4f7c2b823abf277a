import ArgumentParser
import Logging
import ParleyCore
import ParleyStores

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read the whole store and prove that nothing is missing, doubled or miscounted.",
        discussion: """
            For every conversation: numbers 1, 2, 3, … without holes or repeats, each client_message_id once, last message, participant \
            count and every unread count recomputed from the messages. Prints what is wrong and ends with 1. A server, or a cluster's nodes, \
            may be running.
            """)

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let settings = try await options.settings()
        if let engines = try Engines(settings) { return try await Self.verify(engines) }
        let folder = settings.text("data")
        let database = try SQLiteDatabase(folder: folder, access: .shared, logger: Logger(label: "parley.verify"))
        defer { database.close() }
        try Self.tell(try await SQLiteVerifier(database).verify())
    }

    private static func verify(_ engines: Engines) async throws {
        do {
            try tell(try await engines.verify())
        } catch let error as StoreError {
            throw Failure("The cluster cannot be read to its end: \(error.sentence).")
        }
    }

    /// Prints what was read and found, and ends the command with 1 when something is wrong.
    private static func tell(_ report: VerificationReport) throws {
        print("\(report.conversations) conversations, \(report.messages) messages, \(report.participants) participants read.")
        if report.unappliedMessages > 0 {
            print(
                "\(report.unappliedMessages) messages are stored and not counted yet: nodes do that within moments. "
                    + "After restoring a backup, parley repair does.")
        }
        guard report.findingCount > 0 else { return print("Everything holds.") }
        for finding in report.findings { print("wrong: \(finding)") }
        if report.findingCount > report.findings.count { print("… and \(report.findingCount - report.findings.count) more.") }
        throw ExitCode(1)
    }
}
