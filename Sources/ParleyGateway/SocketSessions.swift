import ParleyCore
public import ServiceLifecycle

/// Carries out what sockets ask. A socket has a task only while one of its commands is under way: ten thousand idle ones
/// have none, and a task is most of what an idle socket would weigh.
public final class SocketSessions: Service {
    private let waiting: AsyncStream<SocketConnection>
    private let source: AsyncStream<SocketConnection>.Continuation

    public init() {
        // Bounded by the sockets: each is in it at most once.
        (waiting, source) = AsyncStream.makeStream(of: SocketConnection.self, bufferingPolicy: .unbounded)
    }

    /// The connection has something to do, and no task that does it.
    func wake(_ connection: SocketConnection) {
        source.yield(connection)
    }

    /// Until graceful shutdown, and then until all that was asked has been carried out. It must be shut down after the
    /// server, whose sockets end when what they asked is answered.
    public func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for await connection in waiting {
                    group.addTask { await connection.session.work(for: connection) }
                }
            }
        } onCancelOrGracefulShutdown: {
            self.source.finish()
        }
    }

    /// For tests that run without a service group.
    func close() { source.finish() }
}
