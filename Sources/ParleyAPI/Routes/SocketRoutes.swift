import HTTPTypes
import Hummingbird
import ParleyCore
import ParleyModel

/// What is left of the socket's route for requests that did not become a socket: a WebSocket handshake is taken before the
/// router, where this node takes sockets at all.
struct SocketRoutes {
    /// Whether this node has the role `gateway`.
    let takesSockets: Bool
    /// Whether a page from this origin may open sockets on this host.
    let allowsOrigin: @Sendable (_ origin: String?, _ host: String?) -> Bool

    func add(to routes: inout Routes) {
        routes.open(.get, "/v1/socket") { request, _ in
            guard takesSockets else {
                throw ParleyError(
                    .socketsDisabled, "this node takes no sockets: its role gateway is off; open this route on a node that has it")
            }
            guard allowsOrigin(request.headers[.origin], request.head.authority) else {
                throw ParleyError(.originNotAllowed, "pages of this origin may not open sockets here; see socket.allowed_origins")
            }
            throw ParleyError(.upgradeRequired, "open this route as a WebSocket (RFC 6455, version 13)")
        }
    }
}
