import HTTPTypes
import Hummingbird
import ParleyModel

/// A refusal as `application/problem+json` (RFC 9457).
struct Problem {
    let error: ParleyError
    let requestID: String

    func response(extra: HTTPFields = [:]) -> Response {
        var json = JSONWriter()
        json.object { json in
            json.name("type")
            json.string("urn:parley:problem:" + error.code.rawValue)
            json.name("title")
            json.string(error.code.title)
            json.name("status")
            json.integer(error.code.status)
            json.name("detail")
            json.string(error.detail)
            json.name("code")
            json.string(error.code.rawValue)
            json.name("retryable")
            json.bool(error.code.isRetryable)
            json.name("request_id")
            json.string(requestID)
        }
        var headers = extra
        headers[.contentType] = "application/problem+json"
        if let seconds = error.retryAfterSeconds { headers[.retryAfter] = String(max(1, Int(seconds.rounded(.up)))) }
        if error.code.status == 401 {
            // RFC 6750, section 3: an invalid token is named, a missing one is only asked for.
            headers[.wwwAuthenticate] = error.code == .missingToken ? "Bearer" : "Bearer error=\"invalid_token\""
        }
        if error.code == .upgradeRequired {
            headers[.upgrade] = "websocket"
            headers[.connection] = "upgrade"
        }
        return Response(status: .init(code: error.code.status), headers: headers, json: json)
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("X-Request-ID")!
    static let onBehalfOf = HTTPField.Name("Parley-On-Behalf-Of")!
    static let rateLimitLimit = HTTPField.Name("RateLimit-Limit")!
    static let rateLimitRemaining = HTTPField.Name("RateLimit-Remaining")!
    static let rateLimitReset = HTTPField.Name("RateLimit-Reset")!
    static let contentSecurityPolicy = HTTPField.Name("Content-Security-Policy")!
    static let contentTypeOptions = HTTPField.Name("X-Content-Type-Options")!
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
}

extension Response {
    /// An answer whose body is JSON; the content type is `application/json` unless the headers say another.
    init(status: HTTPResponse.Status, headers: HTTPFields = [:], json: JSONWriter) {
        self.init(status: status, headers: headers, json: json.bytes)
    }

    init(status: HTTPResponse.Status, headers: HTTPFields = [:], json bytes: [UInt8]) {
        var headers = headers
        if headers[.contentType] == nil { headers[.contentType] = "application/json" }
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    init(status: HTTPResponse.Status = .ok, _ value: some JSONEncodable) {
        self.init(status: status, json: value.json)
    }
}
