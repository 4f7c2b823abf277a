import Foundation
import NIOCore
import ParleyModel

/// A running server on data of its own.
struct SeededServer: Sendable {
    let folder: DataFolder
    let server: BenchServer
    let secret: String

    /// Seeds a fresh folder and starts a server on it; both are gone afterwards. `environment` holds Parley's settings
    /// beside those of every run.
    static func with<Result>(
        _ configuration: BenchConfiguration, environment: [String: String] = [:], on eventLoop: any EventLoop,
        seed: (inout Seeder) async throws -> Void, _ body: (SeededServer) async throws -> Result
    ) async throws -> Result {
        try await DataFolder.with(in: configuration.parentFolder) { folder in
            try await fill(folder.data, configuration, seed)
            let settings = BenchServer.Settings(
                executable: configuration.serverExecutable, secret: randomSecret(), pushProvider: configuration.pushProvider,
                environment: environment)
            return try await BenchServer.with(settings, folder: folder, eventLoop: eventLoop) { server in
                try await body(SeededServer(folder: folder, server: server, secret: settings.secret))
            }
        }
    }

    /// Opens the stores, seeds, and closes them again.
    static func fill(
        _ dataFolder: String, _ configuration: BenchConfiguration, _ seed: (inout Seeder) async throws -> Void
    ) async throws {
        configuration.progress("seeding")
        let stores = try await configuration.openStores(dataFolder)
        var seeder = Seeder(stores: stores)
        do {
            try await seed(&seeder)
        } catch {
            await stores.close()
            throw error
        }
        await stores.close()
    }

    static func randomSecret() -> String {
        (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined(separator: "-")
    }
}
