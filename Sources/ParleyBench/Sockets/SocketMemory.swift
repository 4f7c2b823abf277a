/// Memory that sockets need: the server's own, and the kernel's, which is not counted as any process's.
struct SocketMemory: Sendable, Equatable {
    /// Resident memory of the server.
    let serverBytes: Double
    /// The kernel's small objects (sockets, buffers, poll entries) and the pages of TCP buffers, of both ends of each
    /// connection, and of everything else on the machine.
    let kernelBytes: Double

    init(serverBytes: Double, kernelBytes: Double) {
        self.serverBytes = serverBytes
        self.kernelBytes = kernelBytes
    }

    init(server: ProcessUsage) {
        serverBytes = Double(server.residentBytes)
        kernelBytes = Double(
            ProcessUsage.bytes("SUnreclaim:", in: SystemFile.read("/proc/meminfo"))
                + Self.tcpBufferBytes(SystemFile.read("/proc/net/sockstat")))
    }

    func perSocket(since before: SocketMemory, sockets: Int) -> SocketMemory {
        SocketMemory(
            serverBytes: (serverBytes - before.serverBytes) / Double(max(1, sockets)),
            kernelBytes: (kernelBytes - before.kernelBytes) / Double(max(1, sockets)))
    }

    /// `mem` counts pages of 4 KiB.
    static func tcpBufferBytes(_ statistics: String) -> Int64 {
        for line in statistics.split(separator: "\n") where line.hasPrefix("TCP:") {
            let words = line.split(separator: " ")
            guard let place = words.firstIndex(of: "mem"), place + 1 < words.count else { return 0 }
            return Int64(words[place + 1]).map { $0 * 4096 } ?? 0
        }
        return 0
    }
}
