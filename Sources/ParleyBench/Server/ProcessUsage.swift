import Foundation

/// What a process has used so far, as the kernel counts it. Zeros where there is no `/proc`.
struct ProcessUsage: Sendable, Equatable {
    /// User and system time.
    let processorSeconds: Double
    let residentBytes: Int64
    let peakResidentBytes: Int64

    init(of process: Int32) {
        processorSeconds = Self.processorSeconds(stat: SystemFile.read("/proc/\(process)/stat"))
        let status = SystemFile.read("/proc/\(process)/status")
        residentBytes = Self.bytes("VmRSS:", in: status)
        peakResidentBytes = Self.bytes("VmHWM:", in: status)
    }

    /// Fields 14 and 15 of `stat` (proc(5)), counted from the end of the program's name, which may hold anything.
    static func processorSeconds(stat: String) -> Double {
        guard let nameEnd = stat.lastIndex(of: ")") else { return 0 }
        let fields = stat[nameEnd...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    static func bytes(_ name: String, in status: String) -> Int64 {
        for line in status.split(separator: "\n") where line.hasPrefix(name) {
            return line.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int64($0) }.map { $0 * 1024 } ?? 0
        }
        return 0
    }
}

/// What all processes of the machine have used since it started.
enum MachineUsage {
    /// All but idle time and waiting for disks (proc(5), `/proc/stat`). 0 where there is no `/proc`.
    static var processorSeconds: Double { processorSeconds(stat: SystemFile.read("/proc/stat")) }

    static func processorSeconds(stat: String) -> Double {
        guard let line = stat.split(separator: "\n").first(where: { $0.hasPrefix("cpu ") }) else { return 0 }
        let ticks = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard ticks.count >= 8 else { return 0 }
        // user, nice, system, irq, softirq; the guests' time is in user's already, and stolen time was nobody's here.
        let busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]
        return busy / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// Small files that the kernel makes up while they are read: they have no length beforehand.
enum SystemFile {
    /// Empty when there is no such file.
    static func read(_ path: String) -> String {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes: [UInt8] = []
        while bytes.count < 1 << 20 {
            let portion = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
                count = max(0, Foundation.read(file, buffer.baseAddress, 4096))
            }
            if portion.isEmpty { break }
            bytes += portion
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
