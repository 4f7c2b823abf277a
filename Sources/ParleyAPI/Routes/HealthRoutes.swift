import Hummingbird
public import ParleyCore
import ParleyModel
import Synchronization

/// One thing the service needs, and how to ask whether it is there.
public struct Dependency: Sendable {
    public let name: String
    /// Throws when it is not.
    public let check: @Sendable () async throws(StoreError) -> Void

    public init(name: String, check: @escaping @Sendable () async throws(StoreError) -> Void) {
        self.name = name
        self.check = check
    }
}

struct HealthRoutes {
    let dependencies: [Dependency]
    let metrics: PrometheusRegistry
    /// Brings gauges that are read from elsewhere up to date before metrics are written.
    let sample: @Sendable () async -> Void

    func add(to routes: inout Routes) {
        routes.open(.get, "/health/live") { _, _ in Response(status: .ok, json: Array(#"{"status":"ok"}"#.utf8)) }
        routes.open(.get, "/health/ready") { _, _ in await ready() }
        routes.open(.get, "/metrics") { _, _ in
            await sample()
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.text())))
        }
    }

    /// The operator's own words for what fails; the store's are for the log, since this route needs no token.
    private func ready() async -> Response {
        var failing: [String: String] = [:]
        for dependency in dependencies {
            do throws(StoreError) {
                try await dependency.check()
            } catch {
                failing[dependency.name] = Self.sentence(error)
            }
        }
        var json = JSONWriter()
        json.object { json in
            json.name("status")
            json.string(failing.isEmpty ? "ready" : "not_ready")
            json.name("dependencies")
            json.object { json in
                for dependency in dependencies {
                    json.name(dependency.name)
                    json.object { json in
                        json.name("status")
                        json.string(failing[dependency.name] == nil ? "ok" : "failing")
                        json.name("detail")
                        json.optional(failing[dependency.name]) { $0.string($1) }
                    }
                }
            }
        }
        return Response(status: failing.isEmpty ? .ok : .serviceUnavailable, json: json)
    }

    private static func sentence(_ error: StoreError) -> String {
        switch error {
        case .unavailable(let reason): "cannot be written: \(reason)"
        case .outcomeUnknown: "does not answer"
        case .invalidCursor, .unexpected: "failed unexpectedly; the log says more"
        }
    }
}
