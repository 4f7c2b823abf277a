import Foundation

/// A fresh folder of a run, removed at its end.
struct DataFolder: Sendable {
    let path: String

    /// Where the server keeps its data.
    var data: String { path + "/data" }
    var serverLog: String { path + "/server.log" }
    var writerLog: String { path + "/writer.log" }
    /// Where the stand-ins for push services say how they are reached.
    var standIns: String { path + "/stand-ins" }
    var standInLog: String { path + "/stand-ins.log" }
    var pushLog: String { path + "/push.log" }
    var diskReference: String { path + "/disk-reference" }

    static func with<Result>(in parent: String, _ body: (DataFolder) async throws -> Result) async throws -> Result {
        let folder = DataFolder(path: "\(parent)/parley-bench-\(UInt64.random(in: 0 ... .max))")
        let files = FileManager.default
        try files.createDirectory(atPath: folder.data, withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: folder.path) }
        return try await body(folder)
    }
}
