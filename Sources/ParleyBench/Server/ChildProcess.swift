import Foundation
import Synchronization

/// A program started by this one.
///
/// Not Foundation's `Process`: the benchmark ignores the signals that it waits for, and its threads block them; a started
/// program inherits both and could not be asked to end. Here it starts with the default behaviour and nothing blocked.
final class ChildProcess: Sendable {
    let id: Int32
    private let hasEnded = Mutex(false)

    private init(id: Int32) {
        self.id = id
    }

    /// Starts a program in a process group of its own, so that a Ctrl-C reaches only the benchmark, which then ends it.
    static func start(
        _ executable: String, _ arguments: [String], environment: [String: String], log: String
    ) throws -> ChildProcess {
        let environment = environment.map { "\($0.key)=\($0.value)" }
        return try withSpawnAttributes { attributes in
            try withFileActions(log: log) { actions in
                try withCStrings([executable] + arguments) { arguments in
                    try withCStrings(environment) { environment in
                        var id: pid_t = 0
                        try check(
                            posix_spawn(&id, executable, actions, attributes, arguments, environment), "starting \(executable)")
                        return ChildProcess(id: id)
                    }
                }
            }
        }
    }

    /// False once the program has ended and its exit was collected.
    var isRunning: Bool {
        hasEnded.withLock { hasEnded in
            guard !hasEnded else { return false }
            var status: Int32 = 0
            hasEnded = waitpid(id, &status, WNOHANG) == id
            return !hasEnded
        }
    }

    /// Sends nothing to a program that has ended: its number may be another's by now.
    func signal(_ signal: Int32) {
        hasEnded.withLock { hasEnded in
            if !hasEnded { _ = Foundation.kill(id, signal) }
        }
    }

    // MARK: The end

    private static let termSeconds = 10.0
    private static let killSeconds = 5.0
    private static let pollInterval = Duration.milliseconds(20)

    /// Asks the program to end, and ends it when it does not. Runs in a task of its own, because it must also do its work
    /// when the caller was cancelled.
    func end() async {
        await Task {
            signal(SIGTERM)
            if await !hasEnded(withinSeconds: Self.termSeconds) { await kill() }
        }.value
    }

    /// Ends the program without asking it.
    func kill() async {
        await Task {
            signal(SIGKILL)
            _ = await hasEnded(withinSeconds: Self.killSeconds)
        }.value
    }

    private func hasEnded(withinSeconds seconds: Double) async -> Bool {
        let limit = ContinuousClock.now + .seconds(seconds)
        while isRunning, ContinuousClock.now < limit {
            try? await Task.sleep(for: Self.pollInterval)
        }
        return !isRunning
    }

    // MARK: What posix_spawn wants

    #if canImport(Darwin)
        private typealias SpawnAttributes = posix_spawnattr_t?
        private typealias FileActions = posix_spawn_file_actions_t?
    #else
        private typealias SpawnAttributes = posix_spawnattr_t
        private typealias FileActions = posix_spawn_file_actions_t
    #endif

    private static func withSpawnAttributes<Result>(
        _ body: (UnsafePointer<SpawnAttributes>) throws -> Result
    ) throws -> Result {
        #if canImport(Darwin)
            var attributes: SpawnAttributes = nil
        #else
            var attributes = SpawnAttributes()
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
        try check(posix_spawnattr_setpgroup(&attributes, 0), "posix_spawnattr_setpgroup")
        let flags = Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETPGROUP)
        try check(posix_spawnattr_setflags(&attributes, flags), "posix_spawnattr_setflags")
        return try body(&attributes)
    }

    private static func withFileActions<Result>(
        log: String, _ body: (UnsafePointer<FileActions>) throws -> Result
    ) throws -> Result {
        #if canImport(Darwin)
            var actions: FileActions = nil
        #else
            var actions = FileActions()
        #endif
        try check(posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init")
        defer { posix_spawn_file_actions_destroy(&actions) }
        try check(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), "standard input")
        try check(posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600), "standard output")
        try check(posix_spawn_file_actions_adddup2(&actions, 1, 2), "standard error")
        return try body(&actions)
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws -> Result
    ) rethrows -> Result {
        let copies = strings.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return try body(copies)
    }

    private static func check(_ code: Int32, _ call: String) throws {
        guard code == 0 else { throw BenchError.system(call: call, reason: String(cString: strerror(code))) }
    }
}
