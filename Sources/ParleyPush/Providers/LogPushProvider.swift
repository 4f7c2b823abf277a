public import ParleyCore
public import ParleyModel

/// Writes each notification as a line of JSON to a file: for trying things out, and for workers that follow the file.
///
/// A line is written before it is answered for; it may be written again after a failure or a crash. Lines of several
/// processes may mix in one file, never within a line. After a rotation by renaming, lines keep going to the old file;
/// rotate by copying and truncating instead.
public struct LogPushProvider: PushProvider {
    public let name = "log"
    public let deviceKinds = Set(DeviceKind.allCases)
    public let deliversWithoutDevice = true

    /// Notifications that may wait for the disk; further ones are answered with `retry`.
    public static let defaultMaxWaiting = 1024

    private let lines: LineWriter
    private let time: any TimeSource

    /// Opens the file for appending, made with mode 0600 if it is not there; "-" is standard output.
    /// Throws ``LineFileError`` when it cannot be opened.
    public init(path: String, time: any TimeSource, maxWaiting: Int = defaultMaxWaiting) throws(LineFileError) {
        let file = try LineFile(path: path)
        self.init(lines: LineWriter(maxWaiting: maxWaiting) { bytes throws(LineFileError) in try file.append(bytes) }, time: time)
    }

    init(lines: LineWriter, time: any TimeSource) {
        self.lines = lines
        self.time = time
    }

    public func send(_ notification: PushNotification) async -> PushAnswer {
        switch await lines.write(notification.logLine(sentAt: time.now())) {
        case .written: .accepted(id: nil)
        case .full: .retry(after: nil, reason: "too many notifications wait for the file")
        // The line may be in the file all the same.
        case .failed(let error): .unanswered(after: nil, reason: error.description)
        }
    }
}

extension PushNotification {
    /// Without the device's token: the file is for people to read.
    func logLine(sentAt: Timestamp) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            switch content {
            case .message(let message): message.writeMembers(to: &json)
            case .read(let read): read.writeMembers(to: &json)
            }
            json.name("recipient_id")
            json.id(recipientID)
            json.name("device_id")
            json.optional(device) { $0.id($1.id) }
            json.name("device_kind")
            json.optional(device) { $0.string($1.address.kind.rawValue) }
            json.name("badge")
            json.optional(badge) { $0.integer($1) }
            json.name("sent_at")
            json.timestamp(sentAt)
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }
}

extension PushMessage {
    fileprivate func writeMembers(to json: inout JSONWriter) {
        writeNames(to: &json)
        json.name("sequence_number")
        json.optional(sequenceNumber) { $0.integer($1) }
        json.name("title")
        json.optional(title) { $0.string($1) }
        json.name("preview")
        json.optional(text) { $0.string($1) }
        json.name("count")
        json.integer(Int64(count))
        json.name("created_at")
        json.timestamp(createdAt)
    }
}

extension PushRead {
    fileprivate func writeMembers(to json: inout JSONWriter) {
        writeNames(to: &json)
        json.name("last_read_sequence")
        json.integer(lastReadSequence)
    }
}
