import Foundation
import NIOPosix

/// How fast the disk behind a folder makes small writes durable: the floor under every durable create.
///
/// The file is written once beforehand, so that a commit is the data alone, as in a write-ahead log that is reused.
struct DiskReference {
    private static let block = 4096
    private static let blocks = 256

    static func measure(path: String, seconds: Double) async throws -> LoadSample {
        try await NIOThreadPool.singleton.runIfActive { try measureBlocking(path: path, seconds: seconds) }
    }

    private static func measureBlocking(path: String, seconds: Double) throws -> LoadSample {
        let file = open(path, O_RDWR | O_CREAT, 0o600)
        guard file >= 0 else { throw failure("open") }
        defer { close(file) }
        let bytes = [UInt8](repeating: 0x50, count: block)
        for place in 0..<blocks { try write(bytes, to: file, at: place) }
        try synchronize(file)

        var histogram = LatencyHistogram()
        let clock = ContinuousClock()
        let start = clock.now
        var last = start
        var place = 0
        while last - start < .seconds(seconds) {
            try write(bytes, to: file, at: place)
            try synchronize(file)
            place = (place + 1) % blocks
            let now = clock.now
            histogram.record(nanoseconds: (now - last).nanoseconds)
            last = now
        }
        return LoadSample(histogram: histogram, seconds: Double((last - start).nanoseconds) / 1e9, answers: histogram.count)
    }

    private static func write(_ bytes: [UInt8], to file: Int32, at place: Int) throws {
        guard pwrite(file, bytes, bytes.count, off_t(place * block)) == bytes.count else { throw failure("pwrite") }
    }

    private static func synchronize(_ file: Int32) throws {
        #if os(macOS)
            guard fcntl(file, F_FULLFSYNC) == 0 else { throw failure("fcntl(F_FULLFSYNC)") }
        #else
            guard fdatasync(file) == 0 else { throw failure("fdatasync") }
        #endif
    }

    private static func failure(_ call: String) -> BenchError {
        .system(call: call, reason: String(cString: strerror(errno)))
    }
}

extension Duration {
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
