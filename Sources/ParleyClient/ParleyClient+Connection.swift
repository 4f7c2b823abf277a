import NIOCore
import NIOWebSocket
import ParleyModel

/// Carrying out what the state machine wants done.
extension ParleyClient {
    static let tickMilliseconds: Int64 = 100

    /// Milliseconds of a clock that never goes back.
    var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

    func keepTime() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Self.tickMilliseconds))
            if isBlocked { machine.heard(at: now) }
            carryOut(machine.tick(at: now))
        }
    }

    /// One connection after the other.
    func keepConnected() async {
        while let next = nextConnect, failure == nil {
            nextConnect = nil
            var end = End(code: nil, reason: "the connection was lost")
            do {
                try await Task.sleep(for: .milliseconds(next.delay))
                if next.delay > 0 { carryOut([.state(.connecting)]) }
                let token = try await tokens.token(fresh: next.freshToken)
                let socket = try await connector.connect()
                end = try await use(socket, token: token)
            } catch {
                end.reason = "\(error)"
            }
            channel = nil
            if Task.isCancelled { return }
            carryOut(machine.closed(end.code, reason: end.reason, at: now))
        }
    }

    /// How a connection ended.
    struct End {
        var code: UInt16?
        var reason: String
    }

    private func use(_ socket: WebSocketConnector.Socket, token: String) async throws -> End {
        var end = End(code: nil, reason: "the connection was lost")
        do {
            try await socket.executeThenClose { inbound, _ in
                channel = socket.channel
                carryOut(machine.opened(token: token, at: now))
                end = try await read(inbound) ?? end
                // Not waited for: a server that does not read must not keep this from ending.
                socket.channel.writeAndFlush(WebSocketFrame.close(.normalClosure), promise: nil)
            }
        } catch {
            // What the server said before the connection broke counts, and not how it broke.
            if end.code == nil { end.reason = "\(error)" }
        }
        return end
    }

    private func read(_ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>) async throws -> End? {
        var frames = ServerFrames(maxBytes: configuration.maxMessageBytes)
        for try await frame in inbound {
            machine.heard(at: now)
            switch frames.receive(frame) {
            case .nothing: break
            case .text(let text): carryOut(machine.text(text, at: now))
            case .pong(let payload): channel?.writeAndFlush(WebSocketFrame.fromClient(.pong, payload), promise: nil)
            case .closed(let code, let reason): return End(code: code, reason: reason)
            case .fail(let code, let detail):
                channel?.writeAndFlush(WebSocketFrame.close(code), promise: nil)
                channel = nil
                return End(code: nil, reason: "the server sent \(detail)")
            }
            if failure != nil { return nil }
            await makeRoom()
        }
        return nil
    }

    private func makeRoom() async {
        guard !buffer.hasRoom else { return }
        isBlocked = true
        await buffer.waitForRoom()
        isBlocked = false
        machine.heard(at: now)
    }

    func write(_ text: [UInt8]) {
        channel?.writeAndFlush(WebSocketFrame.fromClient(.text, ByteBuffer(bytes: text)), promise: nil)
    }
}
