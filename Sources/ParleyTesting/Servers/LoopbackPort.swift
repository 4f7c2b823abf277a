import Foundation
import Synchronization

/// Ports of the loopback interface for servers that tests start.
public enum LoopbackPort {
    /// Below those that Linux takes for outgoing connections (32768 and up): one of them might otherwise hold the port in the
    /// moment in which a server that was killed starts again.
    private static let range = 20_000..<32_000
    private static let given = Mutex<Set<Int>>([])

    /// One that nobody listens on, and that this process has not been given before. Drawn at random, so that test runs side by
    /// side rarely want the same one.
    public static func free() throws -> Int {
        for _ in 0..<1000 {
            let port = Int.random(in: range)
            if isFree(port), given.withLock({ $0.insert(port).inserted }) { return port }
        }
        throw ServerFailure("there is no free port from \(range.lowerBound) to \(range.upperBound - 1)")
    }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // Connections that are winding down do not count, as for the server itself.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        return withAddress(port) { bind(descriptor, $0, $1) == 0 }
    }

    /// Whether a server there says something when it is greeted so.
    static func answers(_ port: Int, to greeting: [UInt8]) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard withAddress(port, { connect(descriptor, $0, $1) == 0 }), send(descriptor, greeting, greeting.count, 0) == greeting.count
        else {
            return false
        }
        var answer: UInt8 = 0
        return recv(descriptor, &answer, 1, 0) == 1
    }

    private static func withAddress(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

/// A server that a test needs is not there, or does not do as it should: the test fails and says which.
public struct ServerFailure: Error, CustomStringConvertible {
    /// What is missing, or went wrong.
    public let description: String

    /// - Parameter description: Names the server.
    public init(_ description: String) {
        self.description = description
    }
}
