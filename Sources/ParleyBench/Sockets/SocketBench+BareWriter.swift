import NIOCore

/// What the machine could do.
extension SocketBench {
    struct WriterFanOut {
        let one: Observation
        let bursts: Observation
    }

    func measureWriter(to sockets: Int, _ frame: MessageFrame, turn: Int) async throws -> WriterFanOut {
        try await DataFolder.with(in: configuration.parentFolder) { folder in
            try await WriterProcess.with(
                executable: configuration.serverExecutable, folder: folder, eventLoop: eventLoop
            ) { writer in
                let roles = Array(repeating: SocketReceiver.Role.bare, count: sockets)
                return try await SocketDriver.with(roles, port: writer.port, eventLoop: eventLoop) { driver in
                    try await connect(0..<sockets, driver)
                    func row(_ kind: RowKind, burst: Int) async throws -> Observation {
                        progress("\(kind.title), \(sockets) sockets", turn: turn)
                        return try await observe({ writer.usage.processorSeconds }) {
                            try await driver.run(limitSeconds: limitSeconds) { crowd in
                                let source = FrameSource(writer.control, frame, after: crowd.receivers[0].position)
                                return FanOutRun(length, burst: burst, to: 0..<sockets, from: source, on: crowd.eventLoop)
                            }
                        }
                    }
                    let one = try await row(.bareWriter(sockets, 1), burst: 1)
                    return WriterFanOut(one: one, bursts: try await row(.bareWriter(sockets, sizes.burst), burst: sizes.burst))
                }
            }
        }
    }
}
