import Foundation
import ParleyProcesses

/// The stand-ins for the push services, in a process of their own, which ends with the scope it is used in.
struct PushStandIns: Sendable {
    let folder: String
    private let process: ChildProcess

    private static let readySeconds = 60.0

    /// Hands over what the stand-ins have counted, too; they have ended by then.
    static func with(
        _ configuration: BenchConfiguration, _ target: PushTarget, subscriptions: Int, in folder: DataFolder,
        _ body: (PushStandIns) async throws -> Void
    ) async throws -> PushStandInCounts {
        try FileManager.default.createDirectory(atPath: folder.standIns, withIntermediateDirectories: true)
        let process = try ChildProcess.start(
            .benchmarked(
                configuration.serverExecutable, target.standIns + [folder.standIns, "\(subscriptions)"], log: folder.standInLog))
        let standIns = PushStandIns(folder: folder.standIns, process: process)
        do {
            try await standIns.waitUntilReady(log: folder.standInLog)
            try await body(standIns)
        } catch {
            await process.end()
            throw error
        }
        await process.end()
        guard let counts = PushStandInCounts(json: SystemFile.read("\(folder.standIns)/\(PushStandInCounts.endFile)").utf8) else {
            throw BenchError.serverNotReady(reason: "the stand-ins said nothing at their end", log: SystemFile.read(folder.standInLog))
        }
        return counts
    }

    var processorSeconds: Double { ProcessUsage(of: process.id).processorSeconds }

    private func waitUntilReady(log: String) async throws {
        let limit = ContinuousClock.now + .seconds(Self.readySeconds)
        while !FileManager.default.fileExists(atPath: "\(folder)/\(PushStandInCounts.readyFile)") {
            guard process.isRunning, ContinuousClock.now < limit else {
                throw BenchError.serverNotReady(reason: "the stand-ins for push services", log: String(SystemFile.read(log).suffix(2000)))
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
