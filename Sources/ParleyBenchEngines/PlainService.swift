import HTTPTypes
import Hummingbird
public import Logging
import NIOCore
public import ParleyCore
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyRabbitMQ
import ParleyRedis
import UnixSignals

/// The service written the plain way, the baseline of `parley bench --cluster`: each create takes its own number, does its own
/// insert, its own metadata update, its own publish and its own queue publish, one after the other, and is answered when all
/// are done. The same HTTP server, tokens, JSON and engine clients as Parley's, and fewer checks: neither the participant nor the
/// client's key is looked up.
public struct PlainService: Sendable {
    private let engines: BenchEngines
    private let verifier: any TokenVerifier
    private let ids = MessageIDGenerator()

    public init(engines: BenchEngines, verifier: any TokenVerifier) {
        self.engines = engines
        self.verifier = verifier
    }

    /// Serves until the process is told to end.
    public func run(port: Int, logger: Logger) async throws {
        let router = Router()
        router.get("/health/ready") { _, _ in HTTPResponse.Status.ok }
        router.post("/v1/conversations/{id}/messages") { request, context in
            try await create(request, in: context.parameters.require("id"))
        }
        let server = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port), serverName: "plain", backlog: 4096),
            logger: logger)
        try await server.runService(gracefulShutdownSignals: [.sigterm, .sigint])
    }

    private func create(_ request: Request, in path: String) async throws -> Response {
        let draft = try await checked(request, path)
        let now = Timestamp.benchNow
        let message = Message(
            id: ids.next(at: now), conversationID: draft.conversationID, senderID: draft.senderID,
            clientMessageID: draft.clientMessageID, messageType: draft.messageType, content: draft.content, mediaIDs: [],
            sequenceNumber: try await engines.writes.nextSequence(of: draft.conversationID), createdAt: now)
        _ = try await engines.messages.store([message])
        let preview = MessagePreview.preview(of: message.messageType, content: message.content, mediaCount: 0)
        try await engines.writes.apply(message, preview: preview)
        try await BenchEngines.publish([message], on: engines.bus)
        try await engines.queue.enqueue([BenchEngines.job(message)], at: now)
        return Self.answer(message)
    }

    private func checked(_ request: Request, _ path: String) async throws -> CheckedDraft {
        guard let token = request.headers[.authorization]?.dropPrefix("Bearer ") else { throw HTTPError(.unauthorized) }
        do {
            let caller = try await verifier.verify(String(token))
            let body = try await request.body.collect(upTo: 65_536)
            guard case .object(let members) = try JSONParser.parse(Array(body.readableBytesView)) else { throw HTTPError(.badRequest) }
            return try CheckedDraft(MessageDraft(members, conversationID: ConversationID(path)), from: caller)
        } catch let error as ParleyError {
            throw HTTPError(.badRequest, message: "\(error)")
        }
    }

    private static func answer(_ message: Message) -> Response {
        var json = JSONWriter()
        EnrichedMessage(message: message, media: []).write(to: &json)
        return Response(
            status: .created, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.bytes)))
    }
}

extension String {
    fileprivate func dropPrefix(_ prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}
