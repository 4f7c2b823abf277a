public import Foundation

/// What is to be started, and how.
public struct Program: Sendable {
    /// Where a stream of the program's leads.
    public enum Stream: Sendable {
        case nothing
        /// As ours.
        case inherited
        /// Written to the end of a file, which is made readable for its owner alone when there is none.
        case file(String)
        /// An open file of ours.
        case descriptor(Int32)
    }

    public var path: String
    public var arguments: [String]
    /// Nil for our own.
    public var environment: [String: String]?
    /// Where it runs; nil for where we do.
    public var folder: String?
    public var input = Stream.nothing
    public var output = Stream.nothing
    public var errors = Stream.nothing
    /// In a process group of its own, so that a Ctrl-C reaches only us.
    public var hasOwnGroup = false

    /// - Parameter path: Of an executable file.
    public init(_ path: String, _ arguments: [String], environment: [String: String]? = nil, in folder: String? = nil) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
    }

    /// Runs it to its end, and tells what it wrote to its output. It blocks: for threads of one's own.
    public func runToEnd() throws -> (exitStatus: Int32, output: String) {
        let (process, output) = try startWithOutput()
        let text = String(decoding: try output.readToEnd() ?? Data(), as: UTF8.self)
        return (process.waitUntilExit(), text)
    }

    /// Starts it with a pipe as its output, of which we have the other end.
    public func startWithOutput() throws -> (process: ChildProcess, output: FileHandle) {
        let pipe = try DescriptorPair.made()
        defer { close(pipe.writeEnd) }
        let output = FileHandle(fileDescriptor: pipe.readEnd, closeOnDealloc: true)
        var program = self
        program.output = .descriptor(pipe.writeEnd)
        return (try ChildProcess.start(program), output)
    }
}

extension Program {
    /// Starts it with a pipe as its input, of which we have the other end: its input ends when that is closed, at the latest with
    /// our own process.
    public func startWithInput() throws -> (process: ChildProcess, input: FileHandle) {
        let pipe = try DescriptorPair.made()
        defer { close(pipe.readEnd) }
        let input = FileHandle(fileDescriptor: pipe.writeEnd, closeOnDealloc: true)
        var program = self
        program.input = .descriptor(pipe.readEnd)
        return (try ChildProcess.start(program), input)
    }
}

/// The ends of a pipe, which no program that is started keeps open, unless one is its stream.
private struct DescriptorPair {
    let readEnd: Int32
    let writeEnd: Int32

    /// Whoever makes it closes both.
    static func made() throws -> DescriptorPair {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SpawnError(call: "pipe", reason: String(cString: strerror(errno))) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return DescriptorPair(readEnd: ends[0], writeEnd: ends[1])
    }
}

/// A program could not be started.
public struct SpawnError: Error, CustomStringConvertible {
    public let call: String
    public let reason: String

    public var description: String { "\(call) failed: \(reason)" }
}
