import Foundation
import ParleyProcesses
import Testing

@Suite("Programs that are started", .timeLimit(.minutes(2)))
struct ChildProcessTests {
    private func shell(_ script: String) -> Program { Program("/bin/sh", ["-c", script]) }

    @Test("output and exit status are the program's")
    func output() throws {
        let end = try shell("echo one; echo two >&2; exit 7").runToEnd()
        #expect(end.output == "one\n")
        #expect(end.exitStatus == 7)
    }

    @Test("what a program writes may be more than a pipe holds")
    func longOutput() throws {
        #expect(try shell("head -c 300000 /dev/zero | tr '\\0' x").runToEnd().output.utf8.count == 300_000)
    }

    @Test("a program runs in its folder with its environment alone")
    func surroundings() throws {
        var program = Program("/bin/sh", ["-c", "pwd; echo $COLOUR; echo ${HOME-none}"], environment: ["COLOUR": "blue"], in: "/usr")
        program.errors = .inherited
        #expect(try program.runToEnd().output == "/usr\nblue\nnone\n")
    }

    #if os(Linux)
        @Test("a program has none of our files but its streams")
        func files() throws {
            let open = try #require(FileHandle(forReadingAtPath: "/dev/null"))
            // As a file that somebody opened without O_CLOEXEC.
            #expect(fcntl(open.fileDescriptor, F_SETFD, 0) == 0)
            let listed = try Program("/bin/ls", ["/proc/self/fd"]).runToEnd().output
            // The fourth is the folder that is being listed.
            #expect(listed.split(separator: "\n") == ["0", "1", "2", "3"])
        }
    #endif

    @Test("signals that we ignore end a program all the same")
    func signals() async throws {
        signal(SIGHUP, SIG_IGN)
        defer { signal(SIGHUP, SIG_DFL) }
        let process = try ChildProcess.start(shell("sleep 60"))
        process.signal(SIGHUP)
        while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
        #expect(process.exitStatus == 128 + SIGHUP)
    }

    @Test("a program ends when asked to, and one that does not is killed")
    func end() async throws {
        let polite = try ChildProcess.start(shell("sleep 60"))
        await polite.end()
        #expect(polite.exitStatus == 128 + SIGTERM)
        let (deaf, output) = try shell("trap '' TERM; echo ready; while :; do sleep 0.1; done").startWithOutput()
        #expect(try output.read(upToCount: 6) == Data("ready\n".utf8))
        deaf.signal(SIGTERM)
        #expect(deaf.isRunning)
        await deaf.kill()
        #expect(deaf.exitStatus == 128 + SIGKILL)
    }

    @Test("input ends when our end is closed")
    func input() throws {
        let (process, input) = try shell("read -r line; test \"$line\" = hello && ! read -r line").startWithInput()
        try input.write(contentsOf: Data("hello\n".utf8))
        #expect(process.isRunning)
        try input.close()
        #expect(process.waitUntilExit() == 0)
    }

    @Test("what cannot be started is said")
    func missing() throws {
        let error = try #require(throws: SpawnError.self) { try ChildProcess.start(Program("/nowhere/program", [])) }
        #expect(error.description == "starting /nowhere/program failed: No such file or directory")
    }

    @Test("standard output can be the end of a file")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.path + "/parley-program-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var program = shell("echo line; echo error >&2")
        program.output = .file(path)
        program.errors = .file(path)
        for _ in 0..<2 { #expect(try ChildProcess.start(program).waitUntilExit() == 0) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "line\nerror\nline\nerror\n")
        let mode = try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)
        #expect(mode.intValue & 0o077 == 0)
    }
}
