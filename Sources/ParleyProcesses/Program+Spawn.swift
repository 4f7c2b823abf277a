import CSpawn
import Foundation

/// What posix_spawn(3) wants.
extension Program {
    func spawn() throws -> pid_t {
        let environment = (environment ?? ProcessInfo.processInfo.environment).map { "\($0.key)=\($0.value)" }
        return try withAttributes { attributes in
            try withFileActions { actions in
                try withCStrings([path] + arguments) { arguments in
                    try withCStrings(environment) { environment in
                        var id: pid_t = 0
                        try check(posix_spawn(&id, path, actions, attributes, arguments, environment), "starting \(path)")
                        return id
                    }
                }
            }
        }
    }

    #if canImport(Darwin)
        private typealias Attributes = posix_spawnattr_t?
        private typealias FileActions = posix_spawn_file_actions_t?
    #else
        private typealias Attributes = posix_spawnattr_t
        private typealias FileActions = posix_spawn_file_actions_t
    #endif

    private func withAttributes<Result>(_ body: (UnsafePointer<Attributes>) throws -> Result) throws -> Result {
        #if canImport(Darwin)
            var attributes: Attributes = nil
        #else
            var attributes = Attributes()
        #endif
        try check(posix_spawnattr_init(&attributes), "posix_spawnattr_init")
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&defaults, signal) }
        try check(posix_spawnattr_setsigdefault(&attributes, &defaults), "posix_spawnattr_setsigdefault")
        var blocked = sigset_t()
        sigemptyset(&blocked)
        try check(posix_spawnattr_setsigmask(&attributes, &blocked), "posix_spawnattr_setsigmask")
        var flags = Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK)
        if hasOwnGroup {
            try check(posix_spawnattr_setpgroup(&attributes, 0), "posix_spawnattr_setpgroup")
            flags |= Int16(POSIX_SPAWN_SETPGROUP)
        }
        #if canImport(Darwin)
            flags |= Int16(POSIX_SPAWN_CLOEXEC_DEFAULT)
        #endif
        try check(posix_spawnattr_setflags(&attributes, flags), "posix_spawnattr_setflags")
        return try body(&attributes)
    }

    private func withFileActions<Result>(_ body: (UnsafePointer<FileActions>) throws -> Result) throws -> Result {
        #if canImport(Darwin)
            var actions: FileActions = nil
        #else
            var actions = FileActions()
        #endif
        try check(posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init")
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let folder { try check(parley_spawn_in(&actions, folder), "going to \(folder)") }
        for (stream, descriptor) in [(input, STDIN_FILENO), (output, STDOUT_FILENO), (errors, STDERR_FILENO)] {
            let mode = descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY
            let code =
                switch stream {
                case .nothing: posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", mode, 0)
                case .inherited: posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor)
                case .file(let path):
                    posix_spawn_file_actions_addopen(&actions, descriptor, path, mode | O_CREAT | O_APPEND, 0o600)
                case .descriptor(let open): posix_spawn_file_actions_adddup2(&actions, open, descriptor)
                }
            try check(code, "stream \(descriptor)")
        }
        try check(parley_spawn_without_files_from(&actions, STDERR_FILENO + 1), "closing the other files")
        return try body(&actions)
    }

    private func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws -> Result
    ) rethrows -> Result {
        let copies = strings.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return try body(copies)
    }

    private func check(_ code: Int32, _ call: String) throws {
        guard code == 0 else { throw SpawnError(call: call, reason: String(cString: strerror(code))) }
    }
}
