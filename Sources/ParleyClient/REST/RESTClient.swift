import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParleyModel

/// Makes REST calls: adds the token, reads answers and refusals.
struct RESTClient: Sendable {
    /// The longest answer that is read: a page of two hundred of the longest messages fits.
    static let maxAnswerBytes = 64 << 20

    let address: ServerAddress
    let http: HTTPClient
    let tokens: TokenKeeper
    let timeoutSeconds: Int64

    struct Call: Sendable {
        var method: HTTPMethod = .GET
        var path: String
        var query: [(String, String)] = []
        var body: [UInt8]?
    }

    /// The answer's JSON object. A token that has expired is replaced, once.
    func object(_ call: Call) async throws -> JSONObject {
        let (status, bytes) = try await answer(call)
        guard case .object(let object)? = try? JSONParser.parse(bytes) else {
            throw ClientError.notUnderstood("an answer \(status) that is no JSON object")
        }
        return object
    }

    /// For calls that are answered without a body, or whose body does not matter.
    func finish(_ call: Call) async throws { _ = try await answer(call) }

    private func answer(_ call: Call) async throws -> (status: UInt, body: [UInt8]) {
        let token = try await tokens.token()
        do {
            return try await execute(call, token: token)
        } catch ClientError.refused(let refusal) where refusal.knownCode == .tokenExpired {
            return try await execute(call, token: try await tokens.token(insteadOf: token))
        }
    }

    private func execute(_ call: Call, token: String) async throws -> (status: UInt, body: [UInt8]) {
        var request = HTTPClientRequest(url: address.url(call.path + Self.query(call.query)))
        request.method = call.method
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        if let body = call.body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(body)
        }
        let status: UInt
        let bytes: [UInt8]
        do {
            let response = try await http.execute(request, timeout: .seconds(timeoutSeconds))
            status = response.status.code
            bytes = Array(try await response.body.collect(upTo: Self.maxAnswerBytes).readableBytesView)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ClientError.connectionFailed("\(error)")
        }
        guard (200..<300).contains(status) else { throw ClientError.refused(Refusal(status: status, body: bytes)) }
        return (status, bytes)
    }

    private static func query(_ members: [(String, String)]) -> String {
        members.isEmpty ? "" : "?" + members.map { "\($0.0)=\(escaped($0.1))" }.joined(separator: "&")
    }

    /// Everything but the unreserved characters of RFC 3986 as `%xx`.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_", "~": result.unicodeScalars.append(scalar)
            default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}

extension Refusal {
    /// Reads problem+json (RFC 9457). What is none, from a proxy for instance, keeps its status.
    init(status: UInt, body: [UInt8]) {
        let json: JSONObject? = if case .object(let object)? = try? JSONParser.parse(body) { object } else { nil }
        let code = (try? json?.string("code")) ?? "http_\(status)"
        let isRetryable = (try? json?.boolean("retryable")) ?? (status == 429 || status >= 500)
        self.init(code: code, detail: (try? json?.string("detail")) ?? "HTTP status \(status)", isRetryable: isRetryable)
    }
}
