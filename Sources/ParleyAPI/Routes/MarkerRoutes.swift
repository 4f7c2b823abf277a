import Hummingbird
import ParleyCore
import ParleyModel

/// How far participants have read and received, and who is typing.
struct MarkerRoutes {
    let markers: MarkerService
    let typing: TypingService

    func add(to routes: inout Routes) {
        routes.on(.put, "/v1/conversations/{id}/read", use: read)
        routes.on(.put, "/v1/conversations/{id}/delivered", use: delivered)
        routes.on(.get, "/v1/conversations/{id}/receipts", use: receipts)
        routes.on(.post, "/v1/conversations/{id}/typing", use: type)
    }

    private func read(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let id: ConversationID = try context.pathID("id")
        let number = try await Self.sequenceNumber(request)
        return Response(try await markers.read(in: id, to: number, as: try context.caller))
    }

    private func delivered(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let id: ConversationID = try context.pathID("id")
        let stands = try await markers.delivered(in: id, to: try await Self.sequenceNumber(request), as: try context.caller)
        var json = JSONWriter()
        json.object { json in
            json.name("last_delivered_sequence")
            json.integer(stands)
        }
        return Response(status: .ok, json: json)
    }

    private func receipts(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        guard let number = try Query(request).integer("sequence_number", in: 0 ... .max) else {
            throw ParleyError(.invalidParameter, "sequence_number is required")
        }
        return Response(try await markers.receipts(of: try context.pathID("id"), at: number, as: try context.caller))
    }

    private func type(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let id: ConversationID = try context.pathID("id")
        let isTyping = try await RequestBody.object(request).boolean("is_typing") ?? true
        try await typing.typing(isTyping, in: id, as: try context.caller)
        return Response(status: .noContent)
    }

    private static func sequenceNumber(_ request: Request) async throws -> Int64 {
        guard let number = try await RequestBody.object(request).integer("sequence_number") else {
            throw FieldError.missing("sequence_number")
        }
        return number
    }
}
