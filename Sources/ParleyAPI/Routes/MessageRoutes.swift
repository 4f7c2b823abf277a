import Hummingbird
import ParleyCore
import ParleyModel

struct MessageRoutes {
    let messages: MessageService

    func add(to routes: inout Routes) {
        routes.on(.post, "/v1/messages") { try await create($0, $1, in: nil) }
        routes.on(.post, "/v1/conversations/{id}/messages") { try await create($0, $1, in: $1.pathID("id")) }
        routes.on(.get, "/v1/conversations/{id}/messages", use: history)
    }

    private func create(_ request: Request, _ context: ParleyRequestContext, in conversation: ConversationID?) async throws -> Response {
        let draft = try MessageDraft(try await RequestBody.object(request), conversationID: conversation)
        let created = try await messages.create(draft, as: try context.caller)
        return Response(status: created.isRepeat ? .ok : .created, json: created.json)
    }

    private func history(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let query = Query(request)
        let page = try await messages.history(
            of: try context.pathID("id"), try Self.query(query), limit: try query.limit(), as: try context.caller)
        return Response(page)
    }

    private static func query(_ query: Query) throws(ParleyError) -> HistoryQuery {
        let after = try query.integer("after_sequence", in: 0 ... .max)
        let before = try query.integer("before_sequence", in: 0 ... .max)
        let around = try query.integer("around_sequence", in: 0 ... .max)
        switch (after, before, around) {
        case (nil, nil, nil): return .newest
        case (let number?, nil, nil): return .after(number)
        case (nil, let number?, nil): return .before(number)
        case (nil, nil, let number?): return .around(number)
        default: throw ParleyError(.invalidParameter, "give one of after_sequence, before_sequence and around_sequence")
        }
    }
}
