import ArgumentParser
import Logging
import ParleyCore
import ParleyStores

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the schema up to date: the data folder's, or the engines' of a cluster.",
        discussion: """
            `parley serve` does this by itself; the command is for doing it beforehand. A data folder is changed while no server runs; \
            a cluster's nodes may run on, this version's and the one's before it.
            """)

    @Flag(name: .customLong("dry-run"), help: "Only say what would be done.")
    var isDryRun = false

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let settings = try await options.settings()
        if let engines = try Engines(settings) { return try await migrate(engines) }
        let folder = settings.text("data")
        let missing = try SQLiteDatabase.missingMigrations(folder: folder)
        guard !missing.isEmpty else { return print("The schema in \(folder) is up to date.") }
        if !isDryRun { try SQLiteDatabase(folder: folder, access: .exclusive, logger: Logger(label: "parley.migrate")).close() }
        report(missing)
    }

    private func migrate(_ engines: Engines) async throws {
        do {
            let steps = isDryRun ? try await engines.missingMigrations() : try await engines.migrate()
            if steps.isEmpty { print("The schemas of the cluster are up to date.") }
            report(steps)
        } catch let error as StoreError {
            throw Failure("The schemas cannot be brought up to date: \(error.sentence).")
        }
    }

    private func report(_ steps: [String]) {
        for step in steps { print("\(isDryRun ? "would apply" : "applied"): \(step)") }
    }
}
