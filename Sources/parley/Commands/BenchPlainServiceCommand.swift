import ArgumentParser
import Logging
import ParleyAPI
import ParleyBenchEngines
import ParleyCore

/// The service without batches that `bench --cluster` puts beside Parley: not for people.
struct BenchPlainServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-plain-service", abstract: "The plain service that `bench --cluster` compares a node with.",
        shouldDisplay: false)

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        OpenFiles.raiseLimit()
        let settings = try await options.settings()
        guard let engines = try Engines(settings) else { throw Failure("bench-plain-service needs the URLs of the four engines.") }
        var logger = Logger(label: "parley.bench")
        logger.logLevel = .warning
        let opened = try await engines.benchEngines()
        let verifier = try await JWTTokenVerifier(secret: settings.text("auth.secret"), jwks: nil, timeSource: SystemTimeSource())
        try await PlainService(engines: opened, verifier: verifier).run(port: settings.number("port"), logger: logger)
        await opened.close()
    }
}
