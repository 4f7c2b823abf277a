import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

extension Channel {
    /// Whether bytes of the peer's wait in the kernel. On the event loop only. False where the system does not tell.
    ///
    /// Linux: the first value of `SO_MEMINFO` (linux/sock_diag.h) is the memory of what has arrived and was not read.
    var hasUnreadBytes: Bool {
        #if canImport(Glibc)
            guard let socket = self as? any SocketOptionProvider else { return false }
            let memory: EventLoopFuture<UInt32> = socket.unsafeGetSocketOption(
                level: .socket, name: NIOBSDSocket.Option(rawValue: SO_MEMINFO))
            var isWaiting = false
            // On the loop the answer is there at once.
            memory.assumeIsolated().whenSuccess { isWaiting = $0 > 0 }
            return isWaiting
        #else
            return false
        #endif
    }
}
