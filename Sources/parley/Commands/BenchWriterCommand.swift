import ArgumentParser
import ParleyBench

/// The process beside whose speed `bench` puts the server's: not for people.
struct BenchWriterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-writer", abstract: "The bare writer that `bench` compares the server with.", shouldDisplay: false)

    @Option(help: "Port of the sockets that are written to.")
    var port: Int

    @Option(help: "Port of the connection whose bytes are written to them.")
    var controlPort: Int

    func run() async throws {
        OpenFiles.raiseLimit()
        try await LoopbackWriter.start(port: port, controlPort: controlPort).run()
    }
}
