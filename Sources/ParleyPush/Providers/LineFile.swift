import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why a file could not be opened or written.
public struct LineFileError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ action: String, code: Int32) {
        description = "cannot \(action): \(String(cString: strerror(code)))"
    }
}

/// A file that lines are appended to. Blocks; for one thread at a time.
final class LineFile: Sendable {
    private let descriptor: Int32
    private let closesAtEnd: Bool
    /// How long a reader of a non-blocking pipe may let a write wait.
    private let patienceMilliseconds: Int32
    /// Whether the last write broke off within a line.
    private let isTorn = Mutex(false)

    init(descriptor: Int32, closesAtEnd: Bool, patienceMilliseconds: Int32 = 1000) {
        self.descriptor = descriptor
        self.closesAtEnd = closesAtEnd
        self.patienceMilliseconds = patienceMilliseconds
    }

    /// "-" is standard output.
    convenience init(path: String) throws(LineFileError) {
        guard path != "-" else {
            self.init(descriptor: STDOUT_FILENO, closesAtEnd: false)
            return
        }
        // 0600: the lines carry previews, which are people's messages.
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw LineFileError("open \(path)", code: errno) }
        self.init(descriptor: descriptor, closesAtEnd: true)
    }

    deinit {
        if closesAtEnd { close(descriptor) }
    }

    /// Appends whole lines. When it throws, a part of them may be in the file; the next append begins on a new line.
    func append(_ lines: [UInt8]) throws(LineFileError) {
        let startsOnNewLine = isTorn.withLock { $0 }
        let bytes = startsOnNewLine ? [UInt8(ascii: "\n")] + lines : lines
        var written = 0
        defer {
            // Nothing written leaves things as they were.
            if written > 0 { isTorn.withLock { $0 = bytes[written - 1] != UInt8(ascii: "\n") } }
        }
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { written += count } else { try waitOrThrow(errno) }
        }
    }

    /// Standard output may be a pipe that somebody made non-blocking: then this waits until it takes more.
    private func waitOrThrow(_ code: Int32) throws(LineFileError) {
        if code == EINTR { return }
        guard code == EAGAIN else { throw LineFileError("write", code: code) }
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, patienceMilliseconds) != 0 else { throw LineFileError("write", code: ETIMEDOUT) }
    }
}
