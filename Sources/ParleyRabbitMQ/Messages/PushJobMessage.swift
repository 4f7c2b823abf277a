import ParleyCore
import ParleyModel

/// A push job as a message: the body says what to do, the headers what has been done so far.
///
/// Body and properties are a public contract: `{"message_id", "conversation_id", "sender_id", "recipients", "message_preview"}`
/// and more fields after them, content type `application/json`, `message_id` the message's id, persistent. Jobs that other
/// programs queue need have no more than these five.
struct PushJobMessage: Equatable, Sendable {
    let id: PushJobID
    let job: PushJob
    /// How often it has been handed out.
    let attempts: Int
    /// Why it is to be tried again, or was given up.
    var reason: String?
    var diedAt: Timestamp?

    private static let maxAttempts: Int64 = 1_000_000

    func outgoing(to queue: RabbitMQQueue) -> OutgoingMessage {
        var headers: [(name: String, value: AMQPValue)] = [("job-id", .integer(id.value)), ("attempts", .integer(Int64(attempts)))]
        if let reason { headers.append(("reason", .text(reason))) }
        if let diedAt { headers.append(("died-at", .text(diedAt.description))) }
        return OutgoingMessage(queue: queue, messageID: job.messageID.description, body: job.messageBody, headers: headers)
    }
}

extension PushJobMessage {
    /// Nil for a message that is no push job.
    /// - Parameters:
    ///   - now: When the job's message was created, if whoever published the job does not say.
    ///   - newID: The name of a job whose message has none, because others published it.
    init?(_ delivery: Delivery, at now: Timestamp, newID: () -> PushJobID) {
        guard let job = PushJob(messageBody: delivery.body, at: now) else { return nil }
        self.job = job
        id = delivery.headers["job-id"]?.integer.map { PushJobID($0) } ?? newID()
        // Others may write to the queue too: a number that nobody has counted must not stop us from counting on.
        attempts = Int(min(max(0, delivery.headers["attempts"]?.integer ?? 0), Self.maxAttempts))
        reason = delivery.headers["reason"]?.text
        diedAt = delivery.headers["died-at"]?.text.flatMap { Timestamp($0) }
    }
}

extension AMQPValue {
    fileprivate var integer: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }

    fileprivate var text: String? {
        guard case .text(let value) = self else { return nil }
        return value
    }
}

extension PushJob {
    var messageBody: [UInt8] {
        var json = JSONWriter(capacity: 320 + 40 * recipients.count)
        json.object { json in
            json.name("message_id")
            json.id(messageID)
            json.name("conversation_id")
            json.id(conversationID)
            json.name("sender_id")
            json.id(senderID)
            json.name("recipients")
            json.array(recipients) { $0.id($1) }
            json.name("message_preview")
            json.string(messagePreview)
            if let sequenceNumber {
                json.name("sequence_number")
                json.integer(sequenceNumber)
            }
            json.name("created_at")
            json.timestamp(createdAt)
            json.name("part")
            json.integer(part)
        }
        return json.bytes
    }

    /// Nil when one of the five fields of the contract is missing, or any is not what it should be. Without a
    /// `sequence_number` it is not known, without a `created_at` it is `now`, without a `part` there is only this one.
    init?(messageBody: [UInt8], at now: Timestamp) {
        guard let value = try? JSONParser.parse(messageBody), case .object(let members) = value,
            let messageID = (try? members.string("message_id")).flatMap({ MessageID($0) }),
            let conversationID = try? members.id("conversation_id", as: ConversationID.self),
            let senderID = try? members.id("sender_id", as: UserID.self),
            members.member("recipients") != nil,
            let recipients = try? members.ids("recipients", as: UserID.self), recipients.count <= Self.maxRecipients,
            let preview = try? members.string("message_preview")
        else { return nil }
        let sequenceNumber: Int64?
        let createdAt: Timestamp
        let part: Int64
        do throws(FieldError) {
            sequenceNumber = try members.integer("sequence_number")
            createdAt = try members.timestamp("created_at") ?? now
            part = try members.integer("part") ?? 0
        } catch {
            return nil
        }
        self.init(
            messageID: messageID, conversationID: conversationID, senderID: senderID, sequenceNumber: sequenceNumber,
            recipients: recipients, messagePreview: preview, createdAt: createdAt, part: Int(part))
    }
}
