import ArgumentParser
import ParleyCore

struct RepairCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Bring a cluster's conversations up to its messages, after its databases were restored.",
        discussion: """
            Restored from backups, PostgreSQL knows less than MongoDB has: it is backed up first. This counts every message that is \
            stored and not counted, in order and once each, and gives the conversations their last messages. Nodes may be running; to \
            run it again does no harm. It publishes nothing and notifies nobody. A backup also remembers the nodes of its time, and the first node that \
            starts would publish and notify anew what they stored since then: after restoring one, add --forget-nodes. Ends with 1 and a \
            sentence for each conversation that it cannot repair, such as one of which PostgreSQL knows more than MongoDB has. Afterwards \
            parley verify proves the whole.
            """)

    @Flag(
        name: .customLong("forget-nodes"),
        help: "Redo nothing for nodes that are gone: only after restoring a backup, before any node is started.")
    var forgetsNodes = false

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        guard let engines = try Engines(try await options.settings()) else {
            throw Failure("A data folder needs no repair: its messages and what counts them are written together. parley verify proves it.")
        }
        do {
            let report = try await engines.repair()
            if forgetsNodes { print("\(try await engines.forgetNodes()) nodes that are gone are forgotten.") }
            try Self.tell(report)
        } catch let error as StoreError {
            throw Failure("The cluster cannot be repaired to its end: \(error.sentence). What was counted stays counted; run it again.")
        }
    }

    private static func tell(_ report: RepairReport) throws {
        print("\(report.conversations) conversations looked at.")
        if report.repaired > 0 {
            print("\(report.repaired) of them lacked \(report.counted) messages, which are counted now.")
        } else {
            print("No message had to be counted.")
        }
        guard report.findingCount > 0 else { return }
        for finding in report.findings { print("wrong: \(finding)") }
        if report.findingCount > report.findings.count { print("… and \(report.findingCount - report.findings.count) more.") }
        print("Start no node on that. What to restore instead is said in docs/OPERATING.md, under the backups of a cluster.")
        throw ExitCode(1)
    }
}
