import HTTPTypes
import Hummingbird
import ParleyCore
import ParleyModel

struct PresenceRoutes {
    let presence: PresenceService

    func add(to routes: inout Routes) {
        routes.on(.get, "/v1/users/{id}/presence") { _, context in
            Response(try await presence.state(of: try context.pathID("id"), as: try context.caller))
        }
        // An authenticated route that does nothing: for a client that wants to know whether its token is good, and as
        // the reference of the benchmark.
        routes.on(.get, "/v1/ping") { _, _ in Response(status: .noContent) }
    }
}
