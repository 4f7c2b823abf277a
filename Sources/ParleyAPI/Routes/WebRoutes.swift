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
        file("/demo/app.js", script, PackageResources.app_js, &routes)
        file("/demo/socket.js", script, PackageResources.socket_js, &routes)
        file("/demo/style.css", style, PackageResources.style_css, &routes)
        file("/docs", page, PackageResources.docs_html, &routes)
        file("/docs/docs.js", script, PackageResources.docs_js, &routes)
        file("/docs/yaml.js", script, PackageResources.yaml_js, &routes)
        file("/docs/docs.css", style, PackageResources.docs_css, &routes)
        file("/openapi.yaml", "application/yaml", PackageResources.openapi_yaml, &routes)
        routes.open(.get, "/demo/session") { _, _ in
            guard let demo else {
                throw ParleyError(.demoDisabled, "demo users exist only while the development secret is in use; paste a token instead")
            }
            return Response(status: .ok, json: try await demo.json())
        }
    }

    private func file(_ path: String, _ type: String, _ bytes: [UInt8], _ routes: inout Routes) {
        let buffer = ByteBuffer(bytes: bytes)
        routes.open(.get, path) { _, _ in
            Response(
                status: .ok,
                headers: [
                    .contentType: type, .cacheControl: "no-cache", .contentTypeOptions: "nosniff", .referrerPolicy: "no-referrer",
                    .contentSecurityPolicy:
                        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
                ], body: ResponseBody(byteBuffer: buffer))
        }
    }
}
