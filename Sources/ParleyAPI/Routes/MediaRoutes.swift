import Hummingbird
import ParleyCore
import ParleyModel

struct MediaRoutes {
    let media: MediaService

    func add(to routes: inout Routes) {
        routes.on(.post, "/v1/media", use: register)
        routes.on(.get, "/v1/media/{id}", use: get)
    }

    private func register(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let draft = try MediaDraft(try await RequestBody.object(request))
        return Response(status: .created, try await media.register(draft, as: try context.caller))
    }

    private func get(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        Response(try await media.media(try context.pathID("id"), as: try context.caller))
    }
}
