import Hummingbird
import ParleyCore
import ParleyModel

struct DeviceRoutes {
    let devices: DeviceService
    let webPushKey: String?

    func add(to routes: inout Routes) {
        routes.on(.post, "/v1/devices", use: register)
        routes.on(.get, "/v1/devices", use: list)
        routes.on(.delete, "/v1/devices/{id}", use: remove)
        routes.on(.get, "/v1/push/webpush-key", use: key)
    }

    private func register(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let draft = try DeviceDraft(try await RequestBody.object(request))
        let (device, added) = try await devices.register(draft, as: try context.caller)
        return Response(status: added ? .created : .ok, device)
    }

    private func list(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let devices = try await devices.devices(as: try context.caller)
        var json = JSONWriter()
        json.object { json in
            json.name("devices")
            json.array(devices) { $1.write(to: &$0) }
        }
        return Response(status: .ok, json: json)
    }

    private func key(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        guard let webPushKey else { throw ParleyError(.webPushDisabled, "this server has no key for Web Push") }
        var json = JSONWriter()
        json.object { json in
            json.name("public_key")
            json.string(webPushKey)
        }
        return Response(status: .ok, json: json)
    }

    private func remove(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        try await devices.remove(try context.pathID("id"), as: try context.caller)
        return Response(status: .noContent)
    }
}
