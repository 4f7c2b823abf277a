import Foundation
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

/// What other programs may rely on: the queue, and the messages in it.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct RabbitMQContractTests {
    @Test func `the queue has the public name and no arguments, so that anybody can declare it`() {
        let topology = RabbitMQTopology(queueName: RabbitMQConfiguration(url: AMQPURL(host: "h")).queueName)
        #expect(topology.jobs == RabbitMQQueue(name: "push_notifications", arguments: []))
        #expect(topology.dead == RabbitMQQueue(name: "push_notifications.dead", arguments: []))
    }

    @Test func `a job is a persistent JSON message under the message's id`() async throws {
        let job = Sample.job(for: Sample.users(2), part: 3, preview: "it's \"👩‍👩‍👧\"")
        let message = try await withQueued(job)
        #expect(message.contentType == "application/json" && message.deliveryMode == 2)
        #expect(message.messageID == job.messageID.description && !message.isRedelivered)
    }

    @Test func `the body says all that a push needs`() async throws {
        let job = Sample.job(for: Sample.users(2), part: 3, preview: "it's \"👩‍👩‍👧\"")
        let body = try JSONSerialization.jsonObject(with: Data(try await withQueued(job).body)) as? [String: Any]
        let expected: [String: Any] = [
            "message_id": job.messageID.description, "conversation_id": job.conversationID.description,
            "sender_id": job.senderID.description, "recipients": job.recipients.map(\.description),
            "message_preview": "it's \"👩‍👩‍👧\"", "sequence_number": 7, "created_at": "2026-01-01T00:00:00.000Z", "part": 3,
        ]
        #expect(NSDictionary(dictionary: body ?? [:]) == NSDictionary(dictionary: expected))
    }

    /// Queues the job, and takes it as another program would.
    private func withQueued(_ job: PushJob) async throws -> Delivery {
        var taken: [Delivery] = []
        try await withQueue { queue, configuration in
            try await queue.enqueue([job], at: Sample.start)
            taken = try await withLink(configuration) { try $0.take(10, from: queue.topology.jobs) }
        }
        return try #require(taken.count == 1 ? taken.first : nil)
    }

    @Test func `more recipients than a job may have are refused`() async throws {
        try await withQueue { queue, _ in
            await #expect(throws: StoreError.unexpected("a push job names 501 recipients; 500 are the most")) {
                try await queue.enqueue([Sample.job(for: Sample.users(501))], at: Sample.start)
            }
        }
    }

    @Test func `jobs for a queue that somebody deleted are refused, not lost, and the next find it again`() async throws {
        try await withQueue { queue, configuration in
            try await queue.enqueue([Sample.job()], at: Sample.start)
            try await withLink(configuration) { try $0.delete(queue.topology.jobs) }
            let sentence = try await unavailable { try await queue.enqueue([Sample.job(), Sample.job()], at: Sample.start) }
            #expect(sentence.contains("returned 2") && sentence.contains(configuration.queueName))
            let job = Sample.job()
            try await queue.enqueue([job], at: Sample.start)
            #expect(try await queue.lease(limit: 10, seconds: 30, at: Sample.start).map(\.job) == [job])
        }
    }

    @Test func `a message that is no push job is put aside and holds nobody up`() async throws {
        try await withQueue { queue, configuration in
            let job = Sample.job()
            let stray = OutgoingMessage(queue: queue.topology.jobs, messageID: "stray", body: Array("hello".utf8), headers: [])
            try await withLink(configuration) { try $0.publishConfirmed([stray]) }
            try await queue.enqueue([job], at: Sample.start)
            #expect(try await queue.lease(limit: 10, seconds: 30, at: Sample.start).map(\.job) == [job])
            #expect(try await queue.depth() == PushQueueDepth(pending: 1, dead: 1))
            #expect(try await queue.deadLetters(limit: 10, after: nil) == [])
            #expect(try await queue.replay(nil, at: Sample.start) == 0)
            let dead = try await withLink(configuration) { try $0.take(10, from: queue.topology.dead) }
            #expect(dead.map(\.body) == [Array("hello".utf8)] && dead.map(\.messageID) == ["stray"])
            #expect(dead.first?.headers["reason"] == .text("not a push job"))
        }
    }

    @Test func `a job that others published is handed out like ours`() async throws {
        try await withQueue { queue, configuration in
            let job = Sample.job()
            let foreign = OutgoingMessage(queue: queue.topology.jobs, messageID: "", body: job.messageBody, headers: [])
            try await withLink(configuration) { try $0.publishConfirmed([foreign, foreign]) }
            let leases = try await queue.lease(limit: 10, seconds: 30, at: Sample.start)
            #expect(leases.map(\.job) == [job, job] && leases.map(\.attempt) == [1, 1] && leases[0].id != leases[1].id)
        }
    }

    @Test func `a job that others published with the five fields alone is handed out, and again when it is retried`() async throws {
        try await withQueue { queue, configuration in
            let body = ForeignJob.body
            try await withLink(configuration) { link in
                try link.publishConfirmed([
                    OutgoingMessage(queue: queue.topology.jobs, messageID: "", body: Array("{\(body)}".utf8), headers: [])
                ])
            }
            let first = try await queue.lease(limit: 10, seconds: 30, at: Sample.time(9))
            #expect(first.map(\.job) == [ForeignJob.job(createdAt: Sample.time(9))])
            let results = first.map { ($0.id, PushJobResult.retry(after: 0, recipients: $0.job.recipients, reason: "busy")) }
            try await queue.finish(Dictionary(uniqueKeysWithValues: results), at: Sample.time(9))
            let second = try await queue.lease(limit: 10, seconds: 30, at: Sample.time(10))
            #expect(second.map(\.job) == first.map(\.job), "the time and the missing number stay")
        }
    }

    @Test func `further fields are read when they are there`() {
        let body = "{\(ForeignJob.body), \"sequence_number\": 12, \"created_at\": \"2026-01-01T00:00:00Z\", \"part\": 2, \"theirs\": []}"
        let expected = ForeignJob.job(sequenceNumber: 12, createdAt: Sample.start, part: 2)
        #expect(PushJob(messageBody: Array(body.utf8), at: Sample.time(9)) == expected)
    }

    @Test(arguments: [
        #""sequence_number": "12""#, #""sequence_number": 1.5"#, #""created_at": "soon""#, #""created_at": 12"#, #""part": true"#,
    ])
    func `a further field that is not what it should be makes a message unreadable`(_ member: String) {
        #expect(PushJob(messageBody: Array("{\(ForeignJob.body), \(member)}".utf8), at: Sample.start) == nil)
    }

    @Test(arguments: ["message_id", "conversation_id", "sender_id", "recipients", "message_preview"])
    func `without one of the five fields a message is unreadable`(_ name: String) {
        let body = ForeignJob.body.replacing("\"\(name)\"", with: "\"other\"")
        #expect(PushJob(messageBody: Array("{\(body)}".utf8), at: Sample.start) == nil)
    }
}

/// What a program publishes that knows the contract and nothing else.
private enum ForeignJob {
    static let body = """
        "message_id": "6b05761b68a280fb1080b001", "conversation_id": "55b8a1de-0c4f-4d2a-9b1e-000000000001", \
        "sender_id": "ADA00000-0000-4000-8000-000000000001", "recipients": ["be200000-0000-4000-8000-000000000002"], \
        "message_preview": "Hello"
        """

    static func job(sequenceNumber: Int64? = nil, createdAt: Timestamp, part: Int = 0) -> PushJob {
        PushJob(
            messageID: MessageID("6b05761b68a280fb1080b001")!, conversationID: ConversationID("55b8a1de-0c4f-4d2a-9b1e-000000000001")!,
            senderID: UserID("ada00000-0000-4000-8000-000000000001")!, sequenceNumber: sequenceNumber,
            recipients: [UserID("be200000-0000-4000-8000-000000000002")!], messagePreview: "Hello", createdAt: createdAt, part: part)
    }
}
