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

    #if os(Linux)
        private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let resource = RLIMIT_NOFILE
    #endif
}
