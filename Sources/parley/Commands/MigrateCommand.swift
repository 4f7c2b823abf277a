import ArgumentParser
import Logging
import ParleyStores

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the data folder's schema up to date.",
        discussion: "`parley serve` does this by itself; the command is for doing it beforehand, while no server runs.")

    @Flag(name: .customLong("dry-run"), help: "Only say what would be done.")
    var isDryRun = false

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let folder = try await options.settings().text("data")
        let missing = try SQLiteDatabase.missingMigrations(folder: folder)
        guard !missing.isEmpty else { return print("The schema in \(folder) is up to date.") }
        if !isDryRun { try SQLiteDatabase(folder: folder, access: .exclusive, logger: Logger(label: "parley.migrate")).close() }
        for migration in missing { print("\(isDryRun ? "would apply" : "applied"): \(migration)") }
    }
}
