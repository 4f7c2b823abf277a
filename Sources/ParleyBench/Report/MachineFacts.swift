import Foundation
import ParleyModel

/// Where and when a run was made.
struct MachineFacts: Sendable, Equatable {
    let date: Timestamp
    let cores: Int
    let processor: String
    let memoryBytes: Int64
    let kernel: String
    /// The type of the file system that held the data; empty when unknown.
    let fileSystem: String
    let isDebugBuild: Bool
    let command: String

    init(at date: Timestamp, folder: String) {
        self.date = date
        cores = ProcessInfo.processInfo.activeProcessorCount
        processor = Self.processor(SystemFile.read("/proc/cpuinfo"))
        memoryBytes = Int64(clamping: ProcessInfo.processInfo.physicalMemory)
        kernel = Self.kernelRelease
        fileSystem = Self.fileSystem(of: folder, mounts: SystemFile.read("/proc/self/mounts"))
        isDebugBuild = Self.isDebug
        command = CommandLine.arguments.enumerated().map { place, argument in
            place == 0 ? String(argument.split(separator: "/").last ?? "parley") : argument
        }.joined(separator: " ")
    }

    init(
        date: Timestamp, cores: Int, processor: String, memoryBytes: Int64, kernel: String, fileSystem: String, isDebugBuild: Bool,
        command: String
    ) {
        self.date = date
        self.cores = cores
        self.processor = processor
        self.memoryBytes = memoryBytes
        self.kernel = kernel
        self.fileSystem = fileSystem
        self.isDebugBuild = isDebugBuild
        self.command = command
    }

    /// On such a file system a commit reaches no disk.
    var isInMemory: Bool { fileSystem == "tmpfs" || fileSystem == "ramfs" }

    private static var isDebug: Bool {
        #if DEBUG
            true
        #else
            false
        #endif
    }

    static func processor(_ cpuInfo: String) -> String {
        let line = cpuInfo.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
    }

    /// The type of the mount with the longest path that holds the folder.
    static func fileSystem(of folder: String, mounts: String) -> String {
        var longest = (path: Substring(), type: Substring())
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 2, fields[1].count >= longest.path.count else { continue }
            let isParent = fields[1] == "/" || folder == fields[1] || folder.hasPrefix(fields[1] + "/")
            if isParent { longest = (fields[1], fields[2]) }
        }
        return String(longest.type)
    }

    private static var kernelRelease: String {
        var facts = utsname()
        guard uname(&facts) == 0 else { return "" }
        func text<Bytes>(_ bytes: Bytes) -> String {
            withUnsafeBytes(of: bytes) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "\(text(facts.sysname)) \(text(facts.release))"
    }
}
