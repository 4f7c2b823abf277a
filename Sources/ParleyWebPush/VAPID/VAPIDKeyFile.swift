import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file with the VAPID key.
public enum VAPIDKeyFile {
    /// Made in the data folder when the deployment sets no file.
    public static let name = "webpush-key.pem"

    /// Why there is no key. A sentence for the operator.
    public struct Failure: Error, Equatable, CustomStringConvertible {
        public let description: String
    }

    public static func read(_ path: String) throws(Failure) -> VAPIDKey {
        guard let data = FileManager.default.contents(atPath: path) else { throw Failure(description: "the file \(path) cannot be read.") }
        do throws(VAPIDKey.Fault) {
            return try VAPIDKey(pem: String(decoding: data, as: UTF8.self))
        } catch {
            throw Failure(description: "the file \(path) \(error).")
        }
    }

    /// The key of a data folder, made at the first time. For one process at a time.
    public static func readOrMake(inFolder folder: String) throws(Failure) -> VAPIDKey {
        let path = folder + "/" + name
        if FileManager.default.fileExists(atPath: path) { return try read(path) }
        let key = VAPIDKey.random()
        try make(path, key)
        return key
    }

    /// Writes a key to a new file, which only its user can read. A file that is there is left as it is, and refused.
    public static func make(_ path: String, _ key: VAPIDKey) throws(Failure) {
        guard !FileManager.default.fileExists(atPath: path) else {
            throw Failure(description: "the file \(path) is there already; a new key would silence every browser that is registered.")
        }
        // On the disk before it has its name: browsers are about to subscribe with it, and no other will do afterwards.
        let draft = path + ".new"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("made", path) }
        let bytes = Array(key.pem.utf8)
        let isWritten = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count && fsync(descriptor) == 0
        close(descriptor)
        // A link and not a renaming: it refuses when somebody else was faster.
        guard isWritten, link(draft, path) == 0 else {
            let failure = failure("written", path)
            unlink(draft)
            throw failure
        }
        unlink(draft)
        sync(folderOf: path)
    }

    private static func sync(folderOf path: String) {
        let folder = path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
        let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func failure(_ what: String, _ path: String) -> Failure {
        Failure(description: "the file \(path) cannot be \(what): \(String(cString: strerror(errno))).")
    }
}
