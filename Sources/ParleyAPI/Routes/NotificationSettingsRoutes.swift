import Hummingbird
import ParleyCore
import ParleyModel

struct NotificationSettingsRoutes {
    let settings: NotificationSettingsService

    func add(to routes: inout Routes) {
        routes.on(.get, "/v1/users/{id}/notification-settings") { _, context in
            Response(try await settings.settings(of: try context.pathID("id"), as: try context.caller))
        }
        routes.on(.put, "/v1/users/{id}/notification-settings") { request, context in
            let user: UserID = try context.pathID("id")
            let draft = try NotificationSettingsDraft(try await RequestBody.object(request))
            return Response(try await settings.set(draft, of: user, as: try context.caller))
        }
    }
}
