import Foundation

/// How many files, sockets among them, this process may have open.
enum OpenFiles {
    /// Lets the process have as many open as the system allows it: the soft limit is often 1024, which is a limit of old
    /// programs that use `select`, and not of how many people may be connected. What is not allowed stays as it is.
    static func raiseLimit() {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        #if os(macOS)
            // More is refused there, although the hard limit says that there is none.
            limit.rlim_cur = min(limit.rlim_max, rlim_t(OPEN_MAX))
        #endif
        _ = setrlimit(resource, &limit)
    }

    /// How many of them may be connections. The rest is for databases, logs and the system's own needs: libdispatch ends the
    /// process when it cannot look at its threads under /proc. Who comes when all are taken waits until somebody goes.
    static var forConnections: Int { allowed - keptFree }

    /// Connections that are taken from the listen queue in one go, before anybody looks whether all are taken: no more than
    /// half of what is kept free.
    static var acceptsPerTurn: Int { max(1, keptFree / 2) }

    private static var keptFree: Int { min(allowed / 2, 1024) }

    private static var allowed: Int {
        var limit = rlimit()
        return getrlimit(resource, &limit) == 0 ? Int(clamping: limit.rlim_cur) : .max
    }

    #if os(Linux)
        private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let resource = RLIMIT_NOFILE
    #endif
}
