import NIOCore
import NIOPosix

/// A crowd of sockets, as used from tasks.
struct SocketDriver: Sendable {
    let eventLoop: any EventLoop
    private let crowd: NIOLoopBound<SocketCrowd>

    /// Makes a crowd, which is not connected yet, and closes its sockets after `body`, also when that throws.
    static func with<Result>(
        _ roles: [SocketReceiver.Role], smallBuffers: Set<Int> = [], port: Int, eventLoop: any EventLoop,
        _ body: (SocketDriver) async throws -> Result
    ) async throws -> Result {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        let crowd = try await eventLoop.submit {
            NIOLoopBound(SocketCrowd(roles, smallBuffers: smallBuffers, address: address, eventLoop: eventLoop), eventLoop: eventLoop)
        }.get()
        let driver = SocketDriver(eventLoop: eventLoop, crowd: crowd)
        do {
            let result = try await body(driver)
            await driver.end()
            return result
        } catch {
            let failure = try? await driver.on { $0.failure }
            await driver.end()
            throw failure ?? error
        }
    }

    /// Does something with the crowd until it ends; cancelling the task ends it too.
    func run<Run: SocketRun>(limitSeconds: Double, _ make: @escaping @Sendable (SocketCrowd) -> Run) async throws -> Run.Outcome {
        try await outcome(of: start(limitSeconds: limitSeconds, make))
    }

    /// Begins something that goes on while the caller does something else, and has begun when this returns: an event loop
    /// reads its sockets before it takes up what was handed to it, so that otherwise what the caller does next could come first.
    func start<Run: SocketRun>(
        limitSeconds: Double, _ make: @escaping @Sendable (SocketCrowd) -> Run
    ) async throws -> EventLoopFuture<Run.Outcome> {
        try await eventLoop.submit {
            crowd.value.start(make, limit: .milliseconds(Int64(limitSeconds * 1000)))
        }.get()
    }

    func outcome<Value: Sendable>(of future: EventLoopFuture<Value>) async throws -> Value {
        try await withTaskCancellationHandler {
            try await future.get()
        } onCancel: {
            eventLoop.execute { crowd.value.failed(.interrupted) }
        }
    }

    func on<Value: Sendable>(_ body: @escaping @Sendable (SocketCrowd) -> Value) async throws -> Value {
        try await eventLoop.submit { body(crowd.value) }.get()
    }

    private func end() async {
        try? await eventLoop.flatSubmit { crowd.value.end() }.get()
    }
}
