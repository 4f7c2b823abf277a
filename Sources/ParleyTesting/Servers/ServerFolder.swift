public import Foundation
import ParleyProcesses
import Synchronization

/// The folder of a server that tests have started; it goes away with this value. When the test process is gone, however that
/// ends, the processes whose ids are noted in it are killed and it is removed.
public final class ServerFolder: Sendable {
    /// Without a slash at its end.
    public let path: String

    /// - Parameter engine: Stands in the folder's name.
    public init(_ engine: String) throws {
        path = FileManager.default.temporaryDirectory.path + "/parley-\(engine)-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Self.keeper.get().keep(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in it.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Notes that process to be killed after us, in the place of the one of that name before; nil for one that has ended.
    public func note(_ name: String, _ process: pid_t?) throws {
        if let process {
            try "\(process)\n".write(toFile: file("\(name).pid"), atomically: true, encoding: .utf8)
        } else {
            try? FileManager.default.removeItem(atPath: file("\(name).pid"))
        }
    }

    private static let keeper = Result { try Keeper() }

    /// A shell that hears of all folders, and cleans up when our end of its pipe is closed.
    private final class Keeper: Sendable {
        private let input: Mutex<FileHandle>

        init() throws {
            let cleanUp = """
                while read -r folder; do folders="$folders $folder"; done
                for folder in $folders; do kill -9 $(cat "$folder"/*.pid); done
                sleep 1; rm -rf $folders
                """
            input = Mutex(try Program("/bin/sh", ["-c", cleanUp]).startWithInput().input)
        }

        func keep(_ path: String) throws {
            try input.withLock { try $0.write(contentsOf: Data("\(path)\n".utf8)) }
        }
    }
}
