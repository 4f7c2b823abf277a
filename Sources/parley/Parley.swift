import ArgumentParser
import Foundation

/// The program. Every command's `--help` is enough to use it.
struct Parley: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parley",
        abstract: "A self-hosted chat-message backend.",
        discussion: """
            Start with `parley serve`: it needs no settings, stores its data in ./parley-data, and prints where to chat.
            Settings are read from flags, the environment (PARLEY_…) and a file; `parley config` prints them all.
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, TokenCommand.self, ConfigCommand.self, DoctorCommand.self, MigrateCommand.self, VerifyCommand.self,
            RepairCommand.self, CopyCommand.self, PushCommand.self, BenchCommand.self, BenchWriterCommand.self,
            BenchPlainServiceCommand.self, BenchPushStandInsCommand.self, VersionCommand.self,
        ])
}

enum Version {
    static let text = "0.1.0"
}

@main
enum Entry {
    static func main() async {
        // A closed pipe is an error of the write that finds it, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try Parley.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch  where isParserError(error) {
            Parley.exit(withError: error)
        } catch {
            FileHandle.standardError.write(Data("parley: \(error)\n".utf8))
            exit(1)
        }
    }

    /// Errors of the argument parser, requests for help and exit codes among them, bring their own text and code.
    private static func isParserError(_ error: any Error) -> Bool {
        String(reflecting: type(of: error)).hasPrefix("ArgumentParser.")
    }
}
