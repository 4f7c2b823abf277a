import NIOCore

extension EventLoop {
    /// Runs `body` on the loop and hands over what it returns.
    func run<Value>(_ body: @escaping () -> Value) async -> sending Value {
        // The body runs once, on the loop, while the caller waits: nothing of it is used in two places at a time.
        nonisolated(unsafe) let body = body
        return await withCheckedContinuation { continuation in
            execute {
                nonisolated(unsafe) let value = body()
                continuation.resume(returning: value)
            }
        }
    }
}
