import ArgumentParser

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Print the effective settings and where each comes from.",
        discussion: "Secrets are not shown. Wrong and unknown settings are named, and the command ends with 1.")

    @Flag(help: "Print the table of all settings as Markdown, as in docs/SETTINGS.md.")
    var markdown = false

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        if markdown { return print(Self.table) }
        let settings = try await options.settings()
        let width = Setting.all.map(\.key.count).max() ?? 0
        for setting in Setting.all {
            let value = settings.values[setting.key]
            let shown = value.map { setting.isSecret ? "(set)" : $0.text } ?? "(not set)"
            let key = setting.key + String(repeating: " ", count: width - setting.key.count)
            print("\(key)  \(shown)  [\(value?.origin.text ?? "default")]")
        }
    }

    /// The settings page, printed from the table so that it cannot go stale; a test compares.
    static var table: String {
        var lines = ["| Key | Environment | Default | What it is |", "|---|---|---|---|"]
        for setting in Setting.all {
            let bounds: String
            switch setting.kind {
            case .whole(let range): bounds = " From \(range.lowerBound) to \(range.upperBound)."
            case .choice(let choices) where choices.count > 1: bounds = " One of: \(choices.joined(separator: ", "))."
            default: bounds = ""
            }
            lines.append(
                "| `\(setting.key)` | `\(setting.environmentName)` | \(setting.defaultValue.map { "`\($0)`" } ?? "") | \(setting.help)\(bounds) |"
            )
        }
        return lines.joined(separator: "\n")
    }
}
