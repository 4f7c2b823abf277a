import Foundation

/// Why a push service cannot be used with what was set for it: a sentence for the operator, without any part of a key.
public struct PushKeyError: Error, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Files with keys and certificates, read once, at the start.
public enum KeyFile {
    /// Key files have a few kilobytes; whatever is larger is something else.
    static let maxBytes = 1_048_576

    public static func text(at path: String) throws(PushKeyError) -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw PushKeyError("the file \(path) is not there")
        }
        guard !isFolder.boolValue else { throw PushKeyError("\(path) is a folder, not a file") }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw PushKeyError("the file \(path) is there, but this user may not read it")
        }
        guard !bytes.isEmpty else { throw PushKeyError("the file \(path) is empty") }
        guard bytes.count <= maxBytes, let text = String(validating: bytes, as: UTF8.self) else {
            throw PushKeyError("the file \(path) does not hold text")
        }
        return text
    }
}
