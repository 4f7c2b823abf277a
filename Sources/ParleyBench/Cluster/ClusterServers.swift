import Foundation
import NIOCore

/// Two nodes of one cluster, and the plain service beside them, on the same engines.
struct ClusterServers: Sendable {
    let nodes: [BenchServer]
    let plain: BenchServer
    let secret: String

    private static let nodeCount = 2

    /// Starts all of them; none runs any more when this returns or throws.
    static func with<Result>(
        _ configuration: BenchConfiguration, _ target: ClusterTarget, on eventLoop: any EventLoop,
        _ body: (ClusterServers) async throws -> Result
    ) async throws -> Result {
        let secret = SeededServer.randomSecret()
        var settings = BenchServer.Settings(
            executable: configuration.serverExecutable, secret: secret, pushProvider: configuration.pushProvider,
            environment: target.environment)
        return try await withNodes([], settings, configuration, on: eventLoop) { nodes in
            settings.arguments = target.plainService
            return try await DataFolder.with(in: configuration.parentFolder) { folder in
                try await BenchServer.with(settings, folder: folder, eventLoop: eventLoop) { plain in
                    try await body(ClusterServers(nodes: nodes, plain: plain, secret: secret))
                }
            }
        }
    }

    private static func withNodes<Result>(
        _ nodes: [BenchServer], _ settings: BenchServer.Settings, _ configuration: BenchConfiguration, on eventLoop: any EventLoop,
        _ body: ([BenchServer]) async throws -> Result
    ) async throws -> Result {
        if nodes.count == nodeCount { return try await body(nodes) }
        return try await DataFolder.with(in: configuration.parentFolder) { folder in
            try await BenchServer.with(settings, folder: folder, eventLoop: eventLoop) { node in
                try await withNodes(nodes + [node], settings, configuration, on: eventLoop, body)
            }
        }
    }

    /// Who is driven when a row is measured there.
    func servers(of place: ClusterPlace) -> [BenchServer] {
        switch place {
        case .plainService: [plain]
        case .oneNode: [nodes[0]]
        case .twoNodes: nodes
        }
    }

    private var all: [BenchServer] { nodes + [plain] }

    var processorSeconds: Double { all.map(\.usage.processorSeconds).reduce(0, +) }

    /// Waits until none of them does anything any more. False when one was still busy at the limit.
    func settle(limitSeconds: Double) async throws -> Bool {
        let limit = ContinuousClock.now + .seconds(limitSeconds)
        var isQuiet = true
        for server in all {
            let rest = Double(max(0, (limit - .now).nanoseconds)) / 1e9
            isQuiet = try await server.settle(limitSeconds: rest) && isQuiet
        }
        return isQuiet
    }
}
