import Foundation
import ParleyEngines
import ParleyProcesses
import Synchronization

/// A server's process, which tests start, halt, kill and start again. It ends with this value.
public final class ServerProcess: Sendable {
    private let folder: ServerFolder
    private let name: String
    private let program: String
    private let arguments: [String]
    private let environment: [String: String]?
    private let process = Mutex<ChildProcess?>(nil)

    /// Starts nothing yet.
    ///
    /// - Parameters:
    ///   - folder: Where it runs. What it prints is in the file `<name>.log` there.
    ///   - program: The path of an executable file.
    ///   - environment: Nil for our own.
    public init(_ name: String, in folder: ServerFolder, _ program: String, _ arguments: [String], environment: [String: String]? = nil) {
        self.name = name
        self.folder = folder
        self.program = program
        self.arguments = arguments
        self.environment = environment
    }

    deinit { signal(SIGKILL) }

    /// Returns when there is a process; whether the server is ready is for the caller to ask it.
    public func start() throws {
        var program = Program(program, arguments, environment: environment, in: folder.path)
        let log = folder.file("\(name).log")
        program.output = .file(log)
        program.errors = .file(log)
        let process = try ChildProcess.start(program)
        try folder.note(name, process.id)
        self.process.withLock { $0 = process }
    }

    /// False before it was started, and after its end.
    public var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

    /// For errors: what it printed last.
    public var lastWords: String {
        String(((try? String(contentsOfFile: folder.file("\(name).log"), encoding: .utf8)) ?? "").suffix(2000))
    }

    /// As a machine that hangs, until ``goOn()``: connections stay open. Returns when nothing can answer any more.
    public func halt() async throws {
        guard let id = process.withLock({ $0?.id }) else { throw ServerFailure("\(name) was not started") }
        try await ParleyTesting.halt(id)
    }

    /// Does nothing to a process that is not halted.
    public func goOn() { signal(SIGCONT) }

    private func signal(_ signal: Int32) {
        process.withLock { $0?.signal(signal) }
    }

    /// As a crash of the machine: it gets no word in. Returns when it is gone.
    public func kill() async {
        guard let process = process.withLock({ $0.take() }) else { return }
        await process.kill()
        try? folder.note(name, nil)
    }
}

/// Where the executable of that name is, as found on the PATH, then in further folders; nil when it is nowhere.
public func findProgram(_ name: String, also folders: [String] = []) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return (path.split(separator: ":").map(String.init) + folders).map { "\($0)/\(name)" }.first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
}
