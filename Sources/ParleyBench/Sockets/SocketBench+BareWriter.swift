import NIOCore

/// What the machine could do.
extension SocketBench {
    /// A bare writer with its receivers.
    struct Writer {
        fileprivate let bench: SocketBench
        fileprivate let process: WriterProcess
        fileprivate let driver: SocketDriver
        fileprivate let sockets: Int
        fileprivate let frame: MessageFrame
        fileprivate let turn: Int

        func row(_ burst: Int) async throws -> Observation {
            let kind = RowKind.bareWriter(sockets, burst)
            bench.progress("\(kind.title), \(sockets) sockets", turn: turn)
            let (length, sockets, frame, control) = (bench.length, sockets, frame, process.control)
            return try await bench.observe({ process.usage.processorSeconds }) {
                try await driver.run(limitSeconds: bench.limitSeconds) { crowd in
                    let source = FrameSource(control, frame, after: crowd.receivers[0].position)
                    return FanOutRun(length, burst: burst, to: 0..<sockets, from: source, on: crowd.eventLoop)
                }
            }
        }
    }

    func withWriter(to sockets: Int, _ frame: MessageFrame, turn: Int, _ body: (Writer) async throws -> Void) async throws {
        try await DataFolder.with(in: configuration.parentFolder) { folder in
            try await WriterProcess.with(
                executable: configuration.serverExecutable, folder: folder, eventLoop: eventLoop
            ) { process in
                let roles = Array(repeating: SocketReceiver.Role.bare, count: sockets)
                try await SocketDriver.with(roles, port: process.port, eventLoop: eventLoop) { driver in
                    try await connect(0..<sockets, driver)
                    try await body(
                        Writer(bench: self, process: process, driver: driver, sockets: sockets, frame: frame, turn: turn))
                }
            }
        }
    }
}
