public import Foundation

/// Stops a process as a machine that hangs would: connections stay open, nothing answers. Returns when not one of its threads
/// runs any more, which on a busy machine is some milliseconds after the signal: until then a server may still answer.
/// `SIGCONT` lets it go on.
public func halt(_ process: pid_t) async throws {
    guard kill(process, SIGSTOP) == 0 else {
        throw ServerFailure("process \(process) cannot be stopped: \(String(cString: strerror(errno)))")
    }
    try await eventually { try threadStates(of: process).allSatisfy { "TZX".contains($0) } }
}

/// The state of each thread of a process, a letter as proc(5) explains it: T is stopped.
private func threadStates(of process: pid_t) throws -> [Character] {
    let tasks = "/proc/\(process)/task"
    return try FileManager.default.contentsOfDirectory(atPath: tasks).map { task in
        // A thread that ended meanwhile has no file, and runs no more. The name before the state may hold blanks and brackets.
        let fields = (try? String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)) ?? ""
        return fields.lastIndex(of: ")").flatMap { fields[$0...].dropFirst(2).first } ?? "X"
    }
}
