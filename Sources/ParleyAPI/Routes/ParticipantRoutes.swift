import Hummingbird
import ParleyCore
import ParleyModel

struct ParticipantRoutes {
    let conversations: ConversationService

    func add(to routes: inout Routes) {
        routes.on(.get, "/v1/conversations/{id}/participants", use: list)
        routes.on(.put, "/v1/conversations/{id}/participants/{user_id}", use: put)
        routes.on(.delete, "/v1/conversations/{id}/participants/{user_id}", use: remove)
    }

    private func list(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let query = Query(request)
        let (participants, next) = try await conversations.participants(
            of: try context.pathID("id"), limit: try query.limit(), cursor: try query.text("cursor"), as: try context.caller)
        var json = JSONWriter()
        json.object { json in
            json.name("participants")
            json.array(participants) { $1.write(to: &$0) }
            json.name("next_cursor")
            json.optional(next) { $0.string($1) }
        }
        return Response(status: .ok, json: json)
    }

    private func put(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let id: ConversationID = try context.pathID("id")
        let user: UserID = try context.pathID("user_id")
        let name = try await RequestBody.object(request).string("role") ?? Role.member.rawValue
        guard let role = Role(rawValue: name) else { throw ParleyError.invalid("role", "must be owner, admin, member or read_only") }
        let (participant, added) = try await conversations.setRole(of: user, in: id, to: role, as: try context.caller)
        return Response(status: added ? .created : .ok, participant)
    }

    private func remove(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        try await conversations.remove(try context.pathID("user_id"), from: try context.pathID("id"), as: try context.caller)
        return Response(status: .noContent)
    }
}
