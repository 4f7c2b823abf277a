import HTTPTypes
import Hummingbird
import ParleyModel

/// The pages: the demo, the API's description and the page that shows it. Their files are part of the binary.
struct WebRoutes {
    /// Two demo users with tokens; nil unless the development secret is in use.
    let demo: DemoSession?

    func add(to routes: inout Routes) {
        let script = "text/javascript; charset=utf-8"
        let style = "text/css; charset=utf-8"
        let page = "text/html; charset=utf-8"
        file("/", page, PackageResources.index_html, &routes)
        for (name, bytes) in Self.demoScripts { file("/demo/\(name).js", script, bytes, &routes) }
        for (name, bytes) in Self.demoStyles { file("/demo/\(name).css", style, bytes, &routes) }
        // At the root: a service worker has no say above its own folder.
        file("/service-worker.js", script, PackageResources.service_worker_js, &routes)
        file("/manifest.webmanifest", "application/manifest+json", PackageResources.manifest_webmanifest, &routes)
        file("/demo/icon.png", "image/png", PackageResources.icon_png, &routes)
        file("/docs", page, PackageResources.docs_html, &routes)
        file("/docs/docs.js", script, PackageResources.docs_js, &routes)
        file("/docs/yaml.js", script, PackageResources.yaml_js, &routes)
        file("/docs/docs.css", style, PackageResources.docs_css, &routes)
        file("/openapi.yaml", "application/yaml", PackageResources.openapi_yaml, &routes)
        file("/asyncapi.yaml", "application/yaml", PackageResources.asyncapi_yaml, &routes)
        routes.open(.get, "/demo/session") { request, _ in
            // A page elsewhere may point its own name at this machine (DNS rebinding); such a name gets no tokens.
            guard let demo, Self.isLoopback(request.head.authority) else {
                throw ParleyError(.demoDisabled, "demo users exist only while the development secret is in use; paste a token instead")
            }
            return Response(status: .ok, json: try await demo.json())
        }
    }

    /// The modules of the demo page, which import each other by these names.
    private static let demoScripts: [(String, [UInt8])] = [
        ("activity", PackageResources.activity_js), ("api", PackageResources.api_js), ("app", PackageResources.app_js),
        ("attach", PackageResources.attach_js),
        ("compose", PackageResources.compose_js), ("contents", PackageResources.contents_js),
        ("conversation", PackageResources.conversation_js), ("drafts", PackageResources.drafts_js), ("events", PackageResources.events_js),
        ("history", PackageResources.history_js), ("icons", PackageResources.icons_js), ("keys", PackageResources.keys_js),
        ("list", PackageResources.list_js), ("live", PackageResources.live_js), ("markers", PackageResources.markers_js),
        ("mute", PackageResources.mute_js), ("names", PackageResources.names_js),
        ("new-conversation", PackageResources.new_conversation_js), ("page", PackageResources.page_js),
        ("panel", PackageResources.panel_js), ("presence", PackageResources.presence_js), ("push", PackageResources.push_js),
        ("rows", PackageResources.rows_js),
        ("snapshot", PackageResources.snapshot_js), ("socket", PackageResources.socket_js), ("state", PackageResources.state_js),
        ("timeline", PackageResources.timeline_js), ("typing", PackageResources.typing_js), ("view", PackageResources.view_js),
    ]

    private static let demoStyles: [(String, [UInt8])] = [
        ("style", PackageResources.style_css), ("list", PackageResources.list_css), ("timeline", PackageResources.timeline_css),
        ("dialogs", PackageResources.dialogs_css),
    ]

    /// What a page may load. Scripts and styles come from here alone, and none stands in the page itself. Pictures, sound and films
    /// of messages lie where the apps have put them, so those come from anywhere, but encrypted and as nothing else.
    private static let contentSecurityPolicy = [
        "default-src 'self'", "connect-src 'self' ws: wss:", "img-src 'self' https: data:", "media-src 'self' https:", "object-src 'none'",
        "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'",
    ].joined(separator: "; ")

    private func file(_ path: String, _ type: String, _ bytes: [UInt8], _ routes: inout Routes) {
        let buffer = ByteBuffer(bytes: bytes)
        routes.open(.get, path) { _, _ in
            Response(
                status: .ok,
                headers: [
                    .contentType: type, .cacheControl: "no-cache", .contentTypeOptions: "nosniff", .referrerPolicy: "no-referrer",
                    .contentSecurityPolicy: Self.contentSecurityPolicy,
                ], body: ResponseBody(byteBuffer: buffer))
        }
    }

    /// Whether an authority (host and port) names this machine's loopback.
    static func isLoopback(_ authority: String?) -> Bool {
        guard let authority else { return false }
        if authority.hasPrefix("[::1]") { return true }
        let host = authority.prefix { $0 != ":" }
        return host == "localhost" || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
    }
}
