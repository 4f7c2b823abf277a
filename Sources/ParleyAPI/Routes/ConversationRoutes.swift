import Hummingbird
import ParleyCore
import ParleyModel

struct ConversationRoutes {
    let conversations: ConversationService
    let timeSource: any TimeSource

    func add(to routes: inout Routes) {
        routes.on(.post, "/v1/conversations", use: create)
        routes.on(.get, "/v1/conversations", use: list)
        routes.on(.get, "/v1/conversations/{id}", use: view)
        routes.on(.patch, "/v1/conversations/{id}", use: rename)
        routes.on(.put, "/v1/conversations/{id}/mute", use: mute)
        routes.on(.delete, "/v1/conversations/{id}/mute", use: unmute)
        routes.on(.put, "/v1/conversations/{id}/notifications", use: setLevel)
    }

    private func create(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        switch try ConversationDraft(try await RequestBody.object(request)) {
        case .direct(let other):
            let (view, created) = try await conversations.direct(with: other, as: try context.caller)
            return response(view, status: created ? .created : .ok)
        case .group(let title, let participants):
            return response(try await conversations.createGroup(title: title, with: participants, as: try context.caller), status: .created)
        }
    }

    private func list(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let query = Query(request)
        let (views, next) = try await conversations.list(limit: try query.limit(), cursor: try query.text("cursor"), as: try context.caller)
        let now = timeSource.now()
        var json = JSONWriter(capacity: 512 * (views.count + 1))
        json.object { json in
            json.name("conversations")
            json.array(views) { $1.write(to: &$0, at: now) }
            json.name("next_cursor")
            json.optional(next) { $0.string($1) }
        }
        return Response(status: .ok, json: json)
    }

    private func view(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        response(try await conversations.view(try context.pathID("id"), as: try context.caller))
    }

    private func rename(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let id: ConversationID = try context.pathID("id")
        let body = try await RequestBody.object(request)
        guard body["title"] != nil else { throw FieldError.missing("title") }
        return response(try await conversations.rename(id, to: try body.string("title"), as: try context.caller))
    }

    private func mute(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let id: ConversationID = try context.pathID("id")
        let until = try await RequestBody.object(request).timestamp("until")
        return Response(try await conversations.setMute(until.map(Mute.until) ?? .forever, in: id, as: try context.caller))
    }

    private func unmute(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        Response(try await conversations.setMute(.off, in: try context.pathID("id"), as: try context.caller))
    }

    private func setLevel(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let id: ConversationID = try context.pathID("id")
        let level: NotificationLevel = try await RequestBody.object(request).requiredWord("level")
        try await conversations.setNotificationLevel(level, in: id, as: try context.caller)
        return Response(level)
    }

    private func response(_ view: ConversationView, status: HTTPResponse.Status = .ok) -> Response {
        var json = JSONWriter()
        view.write(to: &json, at: timeSource.now())
        return Response(status: status, json: json)
    }
}
