import HTTPTypes
import Hummingbird
import NIOCore
import ParleyModel
import Testing

/// An answer with its body read to the end.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPFields
    let bytes: [UInt8]

    init(_ response: Response) async throws {
        let collector = BodyCollector()
        try await response.body.write(collector)
        status = Int(response.status.code)
        headers = response.headers
        bytes = await collector.written.bytes
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The whole body; null when it is not JSON.
    var json: JSONValue { (try? JSONParser.parse(bytes)) ?? .null }

    /// A member of the body; nil when there is none of that name.
    subscript(name: String) -> JSONValue? { json[name] }

    /// A member that must be a string, such as an id.
    func string(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        try #require(json[name]?.text, "\(status) \(text)", sourceLocation: sourceLocation)
    }
}

private struct BodyCollector: ResponseBodyWriter {
    actor Written {
        var bytes: [UInt8] = []
        func append(_ buffer: ByteBuffer) { bytes.append(contentsOf: buffer.readableBytesView) }
    }

    let written = Written()

    func write(_ buffer: ByteBuffer) async throws { await written.append(buffer) }
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

/// That an answer is the refusal with this code, complete as RFC 9457 and the documentation say.
func expect(
    _ answer: Answer, refuses code: ErrorCode, _ detail: String? = nil, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(answer.status == code.status, comment ?? Comment(rawValue: answer.text), sourceLocation: sourceLocation)
    #expect(answer["code"] == .string(code.rawValue), comment, sourceLocation: sourceLocation)
    #expect(answer.headers[.contentType] == "application/problem+json", comment, sourceLocation: sourceLocation)
    #expect(answer["type"] == .string("urn:parley:problem:" + code.rawValue), comment, sourceLocation: sourceLocation)
    #expect(answer["title"] == .string(code.title), comment, sourceLocation: sourceLocation)
    #expect(answer["status"] == .integer(Int64(code.status)), comment, sourceLocation: sourceLocation)
    #expect(answer["retryable"] == .bool(code.isRetryable), comment, sourceLocation: sourceLocation)
    #expect(answer["request_id"]?.text == answer.headers[.requestID], comment, sourceLocation: sourceLocation)
    #expect(answer.headers[.requestID]?.isEmpty == false, comment, sourceLocation: sourceLocation)
    if let detail {
        #expect(answer["detail"] == .string(detail), comment, sourceLocation: sourceLocation)
    } else {
        #expect(answer["detail"]?.text?.isEmpty == false, comment, sourceLocation: sourceLocation)
    }
    if code.status == 401 {
        #expect(answer.headers[.wwwAuthenticate]?.hasPrefix("Bearer") == true, comment, sourceLocation: sourceLocation)
    }
    if code.status == 503 || code.status == 429 {
        #expect(answer.headers[.retryAfter].flatMap { Int($0) } ?? 0 >= 1, comment, sourceLocation: sourceLocation)
    }
}
