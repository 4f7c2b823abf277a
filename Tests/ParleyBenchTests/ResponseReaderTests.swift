import NIOCore
import Testing

@testable import ParleyBench

struct ResponseReaderTests {
    private static let created =
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-length: 11\r\nX-Request-ID: 7\r\n\r\n{\"id\":\"ab\"}"
    private static let noContent = "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n"
    private static let refused =
        "HTTP/1.1 429 Too Many Requests\r\nCONTENT-LENGTH:4\r\nContent-Language: en\r\nContent-Lengths: 99\r\n\r\nslow"
    private static let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    private static let stream = created + noContent + refused + empty + created
    private static let expected = [
        Response(status: 201, bodyBytes: 11, text: []), Response(status: 204, bodyBytes: 0, text: []),
        Response(status: 429, bodyBytes: 4, text: Array("slow".utf8)), Response(status: 200, bodyBytes: 0, text: []),
        Response(status: 201, bodyBytes: 11, text: []),
    ]

    @Test func `answers that arrive together are read one after the other`() throws {
        #expect(try read([Array(Self.stream.utf8)]) == Self.expected)
    }

    @Test func `every split of the bytes gives the same answers`() throws {
        let bytes = Array(Self.stream.utf8)
        for split in 0...bytes.count {
            #expect(try read([Array(bytes[..<split]), Array(bytes[split...])]) == Self.expected)
        }
    }

    @Test func `every size of portion gives the same answers`() throws {
        let bytes = Array(Self.stream.utf8)
        for size in 1...40 {
            let portions = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
            #expect(try read(portions) == Self.expected)
        }
    }

    @Test func `what follows the end of a handshake's answer is left`() throws {
        var reader = ResponseReader()
        var bytes = ByteBuffer(string: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}frames")
        #expect(try reader.read(&bytes) == Response(status: 101, bodyBytes: 0, text: []))
        #expect(String(buffer: bytes) == "\u{1}frames")
    }

    @Test func `an incomplete answer is no answer`() throws {
        #expect(try read([Array(Self.created.utf8.dropLast())]).isEmpty)
    }

    @Test func `only the start of a long refusal is kept`() throws {
        let body = String(repeating: "x", count: 10_000)
        let answer = "HTTP/1.1 500 Oops\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let response = try #require(try read([Array(answer.utf8)]).first)
        #expect(response.bodyBytes == 10_000)
        #expect(response.text.count == ResponseReader.maxTextBytes)
    }

    @Test(arguments: [
        "HTTP/2 200 OK\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ])
    func `what is not understood is refused`(answer: String) {
        #expect(throws: BenchError.self) { try read([Array(answer.utf8)]) }
    }

    private func read(_ portions: [[UInt8]]) throws -> [Response] {
        var reader = ResponseReader()
        var responses: [Response] = []
        for portion in portions {
            var buffer = ByteBuffer(bytes: portion)
            while buffer.readableBytes > 0 {
                guard let response = try reader.read(&buffer) else { break }
                responses.append(response)
            }
            #expect(buffer.readableBytes == 0)
        }
        return responses
    }
}
