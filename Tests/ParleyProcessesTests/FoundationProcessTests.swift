import Foundation
import Testing

struct FoundationProcessTests {
    /// On Linux it can take the whole process with it: see `ChildProcess`.
    @Test func `nothing of ours starts programs with Foundation's Process`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL
        var users: [String] = []
        for folder in ["Sources", "Tests", "Examples"] {
            let files = try #require(FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil))
            for case let file as URL in files where file.pathExtension == "swift" {
                let text = try String(contentsOf: file, encoding: .utf8)
                if text.contains(/\bProcess(\(\)|\.run\()/) { users.append(file.lastPathComponent) }
            }
        }
        #expect(users.isEmpty)
    }
}
