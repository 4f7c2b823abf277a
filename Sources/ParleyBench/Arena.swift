import Foundation

/// A running server on seeded data, and what is needed to measure a row on it.
struct Arena: Sendable {
    let configuration: BenchConfiguration
    let folder: DataFolder
    let server: BenchServer
    let generator: LoadGenerator
    let requests: RequestSources

    func measureDisk() async throws -> LoadSample {
        try await DiskReference.measure(path: folder.diskReference, seconds: configuration.diskSeconds)
    }

    /// Measures a row once and waits until the server is quiet again, so that what the row left to do is counted with it
    /// and does not fall to the next one.
    func measure(_ kind: RowKind, _ sources: [RequestSource], turn: Int) async throws -> Observation {
        configuration.progress("\(kind.title), \(kind.connections) connections, \(turn) of \(configuration.measuredRepeats)")
        let before = server.usage.processorSeconds
        let ownBefore = ProcessUsage(of: getpid()).processorSeconds
        let sample = try await generator.run(
            sources, warmUpSeconds: configuration.warmUpSeconds, seconds: configuration.measuredSeconds)
        let generatorSeconds = ProcessUsage(of: getpid()).processorSeconds - ownBefore
        let becameQuiet = try await server.settle(limitSeconds: configuration.settleSeconds)
        return Observation(
            sample: sample, serverSeconds: server.usage.processorSeconds - before, generatorSeconds: generatorSeconds,
            becameQuiet: becameQuiet)
    }
}
