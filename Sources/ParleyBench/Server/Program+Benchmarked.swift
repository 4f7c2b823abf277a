import ParleyProcesses

extension Program {
    /// A part of the benchmark, which ends it: a Ctrl-C reaches the benchmark alone. What it prints is in `log`.
    static func benchmarked(_ path: String, _ arguments: [String], environment: [String: String]? = nil, log: String) -> Program {
        var program = Program(path, arguments, environment: environment)
        program.output = .file(log)
        program.errors = .file(log)
        program.hasOwnGroup = true
        return program
    }
}
