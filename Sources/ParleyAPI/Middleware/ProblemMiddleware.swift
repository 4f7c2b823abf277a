import CoreMetrics
import HTTPTypes
import Hummingbird
import Logging
import ParleyCore
import ParleyModel

/// The outermost room: gives the request its id, turns every error into a problem, counts answers.
struct ProblemMiddleware: RouterMiddleware {
    let routes: RouteTable
    private let requests: [Int: Counter]
    private let duration = Timer(label: "parley_http_request_seconds")

    init(routes: RouteTable) {
        self.routes = routes
        requests = Dictionary(
            uniqueKeysWithValues: (1...5).map { ($0, Counter(label: "parley_http_requests_total", dimensions: [("class", "\($0)xx")])) })
    }

    func handle(_ request: Request, context: ParleyRequestContext, next: (Request, ParleyRequestContext) async throws -> Response)
        async throws
        -> Response
    {
        let start = ContinuousClock.now
        var context = context
        context.requestID = RequestIdentifier.from(request.headers[.requestID])
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = problem(for: error, request, context)
        }
        response.headers[.requestID] = context.requestID
        requests[Int(response.status.code) / 100]?.increment()
        duration.recordNanoseconds(start.duration(to: .now))
        return response
    }

    private func problem(for error: any Error, _ request: Request, _ context: ParleyRequestContext) -> Response {
        var headers: HTTPFields = [:]
        let refusal: ParleyError
        switch error {
        case let error as ParleyError:
            refusal = error
        case let error as RateLimitExceeded:
            refusal = error.refusal
            error.decision.write(to: &headers)
        case let error as FieldError:
            refusal = ParleyError(error)
        case let error as HTTPError where error.status == .notFound:
            // Only the router throws this: the path is unknown, or known with other methods.
            let methods = routes.methods(for: request.uri.path)
            if methods.isEmpty {
                refusal = ParleyError(.routeNotFound, "there is no such route; /openapi.yaml lists them all")
            } else {
                headers[.allow] = methods.joined(separator: ", ")
                refusal = ParleyError(.methodNotAllowed, "this route knows \(methods.joined(separator: ", "))")
            }
        case let error as any HTTPResponseError where error.status == .contentTooLarge:
            refusal = ParleyError(.bodyTooLarge, "a body may have at most \(RequestBody.maxBytes) bytes")
        default:
            // The connection ended while the body was read, or a bug: the log has the type, the caller has the id.
            context.logger.error(
                "a request failed",
                metadata: [
                    "error": "\(type(of: error)): \(error)", "path": .string(request.uri.path), "request_id": .string(context.requestID),
                ])
            refusal = ParleyError(.internalError, "something went wrong here; the server's log has the cause")
        }
        if refusal.code.status >= 500 {
            context.logger.warning(
                "a request was answered with a server error",
                metadata: [
                    "code": .string(refusal.code.rawValue), "cause": .string(refusal.cause ?? "none"),
                    "path": .string(request.uri.path), "request_id": .string(context.requestID),
                ])
        }
        return Problem(error: refusal, requestID: context.requestID).response(extra: headers)
    }
}

enum RequestIdentifier {
    /// The caller's own id when it is a plain one, else a new one.
    static func from(_ given: String?) -> String {
        if let given, (1...64).contains(given.utf8.count), given.utf8.allSatisfy(isPlain) { return given }
        return String(UInt64.random(in: .min ... .max), radix: 36)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension Timer {
    func recordNanoseconds(_ duration: Duration) {
        recordNanoseconds(duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000)
    }
}
