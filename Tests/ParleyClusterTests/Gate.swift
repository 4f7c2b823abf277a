import Dispatch
import Synchronization

/// Where the first who comes is held, on its own thread, until it is let go. Those who come later pass.
final class Gate: Sendable {
    private let opened = DispatchSemaphore(value: 0)
    private let hasHeld = Mutex(false)

    func pass() {
        let isFirst = hasHeld.withLock { hasHeld in
            defer { hasHeld = true }
            return !hasHeld
        }
        if isFirst { opened.wait() }
    }

    /// Whether somebody has come.
    var hasHeldOne: Bool { hasHeld.withLock { $0 } }

    func open() { opened.signal() }
}
