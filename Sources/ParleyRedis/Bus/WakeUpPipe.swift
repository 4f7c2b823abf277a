import Foundation

/// Wakes a thread that waits in poll(2).
final class WakeUpPipe: Sendable {
    let reader: Int32
    private let writer: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no file descriptors are left for a pipe")
        (reader, writer) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// From any thread. A pipe that is full wakes as well.
    func wake() {
        var byte: UInt8 = 0
        _ = write(writer, &byte, 1)
    }

    /// Waits until `descriptor` can be read, `wake` was called, or the time is over. True in the first case; the descriptor may be -1.
    func wait(for descriptor: Int32, seconds: Double) -> Bool {
        var waiting = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), pollfd(fd: reader, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&waiting, 2, Int32((seconds * 1000).rounded(.up))) > 0 else { return false }
        if waiting[1].revents != 0 { drain() }
        return waiting[0].revents != 0
    }

    private func drain() {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while read(reader, buffer.baseAddress, 64) > 0 {}
        }
    }
}
