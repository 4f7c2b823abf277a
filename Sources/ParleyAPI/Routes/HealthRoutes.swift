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
        let failing = await failures()
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

    /// All are asked at once, and one that does not answer in time is failing: whoever asks has a limit too.
    private func failures() async -> [String: String] {
        await withTaskGroup(of: (String, String?).self) { group in
            for dependency in dependencies { group.addTask { (dependency.name, await Self.complaint(about: dependency)) } }
            var failing: [String: String] = [:]
            for await (name, complaint) in group { failing[name] = complaint }
            return failing
        }
    }

    private static let patience = Duration.seconds(3)

    private static func complaint(about dependency: Dependency) async -> String? {
        // Not a group: the check cannot be cut short, and nobody waits for it longer than this.
        let (answers, answer) = AsyncStream.makeStream(of: String?.self, bufferingPolicy: .bufferingOldest(1))
        let check = Task {
            do throws(StoreError) {
                try await dependency.check()
                answer.yield(nil)
            } catch {
                answer.yield(sentence(error))
            }
        }
        let alarm = Task {
            try? await Task.sleep(for: patience)
            answer.yield("does not answer")
        }
        defer {
            check.cancel()
            alarm.cancel()
        }
        return await answers.first { _ in true } ?? nil
    }

    private static func sentence(_ error: StoreError) -> String {
        switch error {
        case .unavailable(let reason): "cannot be used: \(reason)"
        case .outcomeUnknown: "does not answer"
        case .invalidCursor, .unexpected: "failed unexpectedly; the log says more"
        }
    }
}
