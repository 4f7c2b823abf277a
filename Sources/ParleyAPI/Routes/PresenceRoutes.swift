import HTTPTypes
import Hummingbird
import ParleyCore
import ParleyModel

struct PresenceRoutes {
    let presence: PresenceService
    /// Whether a page from this origin may open sockets on this host.
    let allowsOrigin: @Sendable (_ origin: String?, _ host: String?) -> Bool

    func add(to routes: inout Routes) {
        routes.on(.get, "/v1/users/{id}/presence") { _, context in
            Response(try await presence.state(of: try context.pathID("id"), as: try context.caller))
        }
        // An authenticated route that does nothing: for a client that wants to know whether its token is good, and as
        // the reference of the benchmark.
        routes.on(.get, "/v1/ping") { _, _ in Response(status: .noContent) }
        // A WebSocket handshake never comes here; it is taken before the router.
        routes.open(.get, "/v1/socket") { request, _ in
            guard allowsOrigin(request.headers[.origin], request.head.authority) else {
                throw ParleyError(.originNotAllowed, "pages of this origin may not open sockets here; see socket.allowed_origins")
            }
            throw ParleyError(.upgradeRequired, "open this route as a WebSocket (RFC 6455, version 13)")
        }
    }
}
