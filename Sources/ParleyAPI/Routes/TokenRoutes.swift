import Hummingbird
import ParleyCore
import ParleyModel

/// Ending tokens before their time: for the team's own backend, when somebody signs out or loses a phone.
struct TokenRoutes {
    let revocations: TokenRevocations

    func add(to routes: inout Routes) {
        routes.on(.post, "/v1/users/{id}/revoke-tokens") { _, context in
            try await revocations.revoke(try context.pathID("id"), as: try context.caller)
            return Response(status: .noContent)
        }
    }
}
