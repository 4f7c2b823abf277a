import Foundation
import NIOCore
import ParleyModel

/// Measures the rows of sockets. What is compared is measured one after the other: fan-out beside the bare writer's to
/// receivers of the same kind, slow readers beside the same sockets reading.
struct SocketBench {
    let configuration: BenchConfiguration
    let eventLoop: any EventLoop
    let sizes: SocketSizes

    let numbers = NumberBlocks()

    static let connectSeconds = 120.0
    /// How long deliveries may take beyond the time for which they are measured.
    static let patienceSeconds = 60.0
    static let returnSeconds = 120.0
    static let backoff = Backoff(firstMilliseconds: 250, maxMilliseconds: 1000)

    init(configuration: BenchConfiguration, eventLoop: any EventLoop) throws(BenchError) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        sizes = configuration.sizes.sockets
        let limit = OpenFilesLimit.current
        let needed = sizes.openFiles(sizes.mostSockets)
        guard limit >= needed else { throw .tooFewOpenFiles(needed: needed, limit: limit) }
    }

    func measure(turn: Int, _ results: inout BenchResults) async throws {
        for (place, sockets) in sizes.fanOuts.enumerated() {
            try await measureOneConversation(to: sockets, slow: place == 0 ? sizes.slowReaders : 0, turn: turn, &results)
        }
        try await measureConversations(turn: turn, &results)
    }

    func progress(_ what: String, turn: Int) {
        configuration.progress("\(what), \(turn) of \(configuration.measuredRepeats)")
    }

    /// The limits that keep users from doing what is measured.
    static let environment = [
        "PARLEY_SOCKET_COMMANDS_PER_SECOND": "1000000", "PARLEY_SOCKET_COMMANDS_BURST": "1000000",
    ]

    // MARK: What the rows share

    func connect(_ places: Range<Int>, _ driver: SocketDriver) async throws {
        let connecting = sizes.connecting
        _ = try await driver.run(limitSeconds: Self.connectSeconds) { ConnectRun(places, concurrency: connecting, $0) }
    }

    var length: FanOutRun.Length {
        .seconds(warmUp: configuration.warmUpSeconds, measured: configuration.measuredSeconds)
    }

    var limitSeconds: Double { configuration.warmUpSeconds + configuration.measuredSeconds + Self.patienceSeconds }

    func observe(_ processorSeconds: () -> Double, _ body: () async throws -> LoadSample) async throws -> Observation {
        let (before, ownBefore) = (processorSeconds(), ProcessUsage(of: getpid()).processorSeconds)
        let sample = try await body()
        return Observation(
            sample: sample, serverSeconds: processorSeconds() - before,
            generatorSeconds: ProcessUsage(of: getpid()).processorSeconds - ownBefore)
    }
}
