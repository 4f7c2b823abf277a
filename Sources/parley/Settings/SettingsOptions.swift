import ArgumentParser
import Foundation

/// The flags that every command with settings takes.
struct SettingsOptions: ParsableArguments {
    @Option(help: "File with settings, one JSON object; see docs/SETTINGS.md.")
    var config: String?

    @Option(help: "Folder of the data (default: ./parley-data).")
    var data: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Any setting, for example --set limits.messages_per_second=10.", valueName: "key=value"))
    var assignments: [String] = []

    /// The settings, with `more` flags of the command itself.
    func settings(_ more: [String: String?] = [:]) async throws -> Settings {
        var flags = more.compactMapValues { $0 }
        flags["data"] = data
        for assignment in assignments {
            let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw ValidationError("--set takes key=value, but got \"\(assignment)\"") }
            flags[String(parts[0])] = String(parts[1])
        }
        return try await Settings(flags: flags, environment: ProcessInfo.processInfo.environment, file: config)
    }
}
