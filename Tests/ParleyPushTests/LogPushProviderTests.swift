import Dispatch
import ParleyCore
import ParleyModel
import Synchronization
import Testing

@testable import ParleyPush

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

struct LogPushProviderTests {
    let time = HandMovedTime()
    let path = "/tmp/parley-push-\(DeviceID.random()).log"

    @Test func `a notification without device is one line with every member`() async throws {
        defer { unlink(path) }
        let provider = try LogPushProvider(path: path, time: time)
        #expect(await provider.send(notification(2)) == .accepted(id: nil))
        let line = try #require(try lines().first)
        #expect(
            line.members.map(\.name) == [
                "type", "message_id", "conversation_id", "sender_id", "sequence_number", "title", "preview", "count", "created_at",
                "recipient_id", "device_id", "device_kind", "badge", "sent_at",
            ])
        #expect(line["message_id"] == .string("000000000000000700000001"))
        #expect(line["recipient_id"] == .string(UserID(2).description))
        #expect(line["device_id"] == .null)
        #expect(line["device_kind"] == .null)
        #expect(line["sequence_number"] == .integer(5))
        #expect(line["preview"] == .string("Hello \"you\"\nand 👩‍👩‍👧"))
        #expect(line["type"] == .string("message"))
        #expect(line["title"] == .string("Ada"))
        #expect(line["count"] == .integer(1))
        #expect(line["badge"] == .integer(3))
        #expect(line["created_at"] == .string("1970-01-01T00:00:01.000Z"))
        #expect(line["sent_at"] == .string(time.now().description))
    }

    @Test func `a notification for a device names it without its token`() async throws {
        defer { unlink(path) }
        let device = Device(id: DeviceID(9), userID: UserID(2), address: .apns(token: "secret"), name: nil, createdAt: time.now())
        let provider = try LogPushProvider(path: path, time: time)
        #expect(await provider.send(notification(2, device)) == .accepted(id: nil))
        let line = try #require(try lines().first)
        #expect(line["device_id"] == .string(device.id.description))
        #expect(line["device_kind"] == .string("apns"))
        #expect(!String(decoding: try bytes(), as: UTF8.self).contains("secret"))
    }

    @Test func `what was read elsewhere is a line of its own type`() async throws {
        defer { unlink(path) }
        let provider = try LogPushProvider(path: path, time: time)
        let read = PushNotification(
            content: .read(PushRead(conversationID: .sample, lastReadSequence: 7)), recipientID: UserID(2), device: nil, badge: 0,
            expiresAt: Timestamp(milliseconds: 9000))
        #expect(await provider.send(read) == .accepted(id: nil))
        let line = try #require(try lines().first)
        #expect(
            line.members.map(\.name) == [
                "type", "conversation_id", "last_read_sequence", "recipient_id", "device_id", "device_kind", "badge", "sent_at",
            ])
        #expect(line["type"] == .string("read"))
        #expect(line["last_read_sequence"] == .integer(7))
        #expect(line["badge"] == .integer(0))
    }

    @Test func `many at once are many lines that parse, and a second provider appends`() async throws {
        defer { unlink(path) }
        for _ in 1...2 {
            let provider = try LogPushProvider(path: path, time: time)
            await withTaskGroup(of: PushAnswer.self) { group in
                for user in 1...200 { group.addTask { await provider.send(notification(UInt64(user))) } }
                for await answer in group { #expect(answer == .accepted(id: nil)) }
            }
        }
        let recipients = try lines().map { $0["recipient_id"] }
        #expect(recipients.count == 400)
        #expect(Set(recipients.map { "\($0 ?? .null)" }).count == 200)
    }

    @Test func `the file is for its owner only`() async throws {
        defer { unlink(path) }
        _ = try LogPushProvider(path: path, time: time)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func `a file that cannot be opened is refused at once, with the reason`() {
        #expect(throws: LineFileError("open /nowhere/at/all", code: ENOENT)) {
            try LogPushProvider(path: "/nowhere/at/all", time: time)
        }
    }

    @Test func `a failed write asks for a retry, and the next one may work`() async {
        let fails = Mutex(true)
        let lines = LineWriter(maxWaiting: 4) { _ throws(LineFileError) in
            if fails.withLock({ $0 }) { throw LineFileError("write", code: ENOSPC) }
        }
        let provider = LogPushProvider(lines: lines, time: time)
        #expect(await provider.send(notification(2)) == .unanswered(after: nil, reason: "cannot write: No space left on device"))
        fails.withLock { $0 = false }
        #expect(await provider.send(notification(2)) == .accepted(id: nil))
    }

    @Test(.enabled(if: access("/dev/full", W_OK) == 0))
    func `a full disk asks for a retry`() async throws {
        let provider = try LogPushProvider(path: "/dev/full", time: time)
        #expect(await provider.send(notification(2)) == .unanswered(after: nil, reason: "cannot write: No space left on device"))
    }

    @Test func `what waits together leaves in one write, and what finds no room is told to come back`() async {
        let queue = DispatchQueue(label: "test")
        let writes = Mutex<[Int]>([])
        let lines = LineWriter(maxWaiting: 4, queue: queue) { bytes throws(LineFileError) in
            writes.withLock { $0.append(bytes.count { $0 == UInt8(ascii: "\n") }) }
        }
        let provider = LogPushProvider(lines: lines, time: time)
        queue.suspend()
        await withTaskGroup(of: PushAnswer.self) { group in
            for user in 1...5 { group.addTask { await provider.send(notification(UInt64(user))) } }
            // With the disk at a standstill only the one without room is answered; then the other four wait.
            #expect(await group.next() == .retry(after: nil, reason: "too many notifications wait for the file"))
            queue.resume()
            for await answer in group { #expect(answer == .accepted(id: nil)) }
        }
        #expect(writes.withLock { $0 } == [4])
    }

    @Test func `after a torn line the next one begins on a line of its own`() throws {
        // A pipe takes what fits and then refuses: a write that breaks off, as on a full disk.
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        for end in ends { #expect(fcntl(end, F_SETFL, O_NONBLOCK) == 0) }
        let file = LineFile(descriptor: ends[1], closesAtEnd: false, patienceMilliseconds: 0)

        let tooLong = [UInt8](repeating: UInt8(ascii: "x"), count: 4 << 20) + [UInt8(ascii: "\n")]
        #expect(throws: LineFileError("write", code: ETIMEDOUT)) { try file.append(tooLong) }
        #expect(bytes(from: ends[0]).allSatisfy { $0 == UInt8(ascii: "x") })
        for _ in 1...2 { try file.append(Array("{}\n".utf8)) }
        #expect(bytes(from: ends[0]) == Array("\n{}\n{}\n".utf8))
    }

    private func notification(_ recipient: UInt64, _ device: Device? = nil) -> PushNotification {
        PushNotification(
            content: .message(
                PushMessage(
                    messageID: MessageID(high: 7, low: 1), conversationID: .sample, senderID: UserID(1), sequenceNumber: 5,
                    createdAt: Timestamp(milliseconds: 1000), title: "Ada", text: "Hello \"you\"\nand 👩‍👩‍👧")),
            recipientID: UserID(recipient), device: device, badge: 3, expiresAt: Timestamp(milliseconds: 9000))
    }

    private func lines() throws -> [JSONObject] {
        try bytes().split(separator: UInt8(ascii: "\n")).map { line in
            guard case .object(let members) = try JSONParser.parse(line) else { throw LineFileError("parse", code: EINVAL) }
            return members
        }
    }

    private func bytes() throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw LineFileError("open", code: errno) }
        defer { close(descriptor) }
        return bytes(from: descriptor)
    }

    /// Up to the end, or until nothing is there for now.
    private func bytes(from descriptor: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        return bytes
    }
}
