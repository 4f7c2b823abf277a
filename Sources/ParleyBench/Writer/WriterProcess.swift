import Foundation
import NIOCore
import NIOPosix
import ParleyProcesses

/// A ``LoopbackWriter`` in a process of its own, which ends with the scope it is used in.
struct WriterProcess: Sendable {
    let port: Int
    /// What is written here is written to every socket.
    let control: any Channel
    private let process: ChildProcess

    /// The hidden command of the program.
    static let command = "bench-writer"
    private static let readySeconds = 20.0

    static func with<Result>(
        executable: String, folder: DataFolder, eventLoop: any EventLoop, _ body: (WriterProcess) async throws -> Result
    ) async throws -> Result {
        let (port, controlPort) = (try await freePort(eventLoop), try await freePort(eventLoop))
        let process = try ChildProcess.start(
            .benchmarked(executable, [command, "--port", "\(port)", "--control-port", "\(controlPort)"], log: folder.writerLog))
        do {
            let control = try await connect(to: controlPort, process, folder, eventLoop)
            let result = try await body(WriterProcess(port: port, control: control, process: process))
            await process.end()
            return result
        } catch {
            await process.end()
            throw error
        }
    }

    var usage: ProcessUsage { ProcessUsage(of: process.id) }

    private static func connect(
        to port: Int, _ process: ChildProcess, _ folder: DataFolder, _ eventLoop: any EventLoop
    ) async throws -> any Channel {
        let limit = ContinuousClock.now + .seconds(readySeconds)
        while true {
            do {
                return try await ClientBootstrap(group: eventLoop).channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: port).get()
            } catch {
                guard process.isRunning, ContinuousClock.now < limit else {
                    throw BenchError.serverNotReady(
                        reason: "the bare writer: \(error)", log: String(SystemFile.read(folder.writerLog).suffix(2000)))
                }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
