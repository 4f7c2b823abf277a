import NIOCore

/// What the benchmark looks at in an answer.
struct Response: Equatable {
    let status: Int
    let bodyBytes: Int
    /// The start of the body, kept only for statuses from 300 on: it says what went wrong.
    let text: [UInt8]
}

/// Reads the answers on one connection, from bytes in any portions: status, content-length, and nothing else.
///
/// It is not an HTTP parser. It knows the answers of one server, costs next to no processor time, and refuses what it
/// does not know: an answer with a body and no content-length (a chunked one) is an error.
struct ResponseReader {
    private enum Place {
        case statusLine(position: Int)
        /// In a header's name, `matched` bytes of which are those of content-length.
        case headerName(matched: Int)
        case contentLength
        case headerRest
        case body(remaining: Int)
    }

    static let maxTextBytes = 4096
    private static let version = Array("HTTP/1.1 ".utf8)
    private static let contentLengthName = Array("content-length:".utf8)
    private static let maxContentLength = 1 << 30

    private var place = Place.statusLine(position: 0)
    private var status = 0
    private var contentLength: Int?
    private var text: [UInt8] = []

    /// Takes bytes up to the end of the answer being read. Nil when it is not complete yet; then all bytes were taken.
    mutating func read(_ buffer: inout ByteBuffer) throws(BenchError) -> Response? {
        while true {
            if case .body(let remaining) = place {
                return readBody(remaining, from: &buffer)
            }
            guard let byte = buffer.readInteger(as: UInt8.self) else { return nil }
            if case .headerRest = place, byte != UInt8(ascii: "\n") {
                skipLine(&buffer)
                continue
            }
            try take(byte)
        }
    }

    private mutating func take(_ byte: UInt8) throws(BenchError) {
        switch place {
        case .statusLine(let position): try takeStatusLine(byte, at: position)
        case .headerName(let matched): try takeHeaderName(byte, matched: matched)
        case .contentLength: try takeContentLength(byte)
        case .headerRest, .body: place = .headerName(matched: 0)
        }
    }

    private mutating func takeStatusLine(_ byte: UInt8, at position: Int) throws(BenchError) {
        switch position {
        case 0..<Self.version.count:
            guard byte == Self.version[position] else { throw .malformedAnswer("no HTTP/1.1 status line") }
        case Self.version.count..<Self.version.count + 3:
            guard let digit = Self.digit(byte) else { throw .malformedAnswer("no status") }
            status = status * 10 + digit
        default:
            place = .headerRest
            if byte == UInt8(ascii: "\n") { place = .headerName(matched: 0) }
            return
        }
        place = .statusLine(position: position + 1)
    }

    private mutating func takeHeaderName(_ byte: UInt8, matched: Int) throws(BenchError) {
        let lower = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
        if lower == Self.contentLengthName[matched] {
            let isWhole = matched + 1 == Self.contentLengthName.count
            place = isWhole ? .contentLength : .headerName(matched: matched + 1)
            if isWhole { contentLength = 0 }
        } else if matched == 0, byte == UInt8(ascii: "\n") {
            try endHeaders()
        } else if matched > 0 || byte != UInt8(ascii: "\r") {
            place = byte == UInt8(ascii: "\n") ? .headerName(matched: 0) : .headerRest
        }
    }

    private mutating func takeContentLength(_ byte: UInt8) throws(BenchError) {
        if let digit = Self.digit(byte) {
            let length = (contentLength ?? 0) * 10 + digit
            guard length <= Self.maxContentLength else { throw .malformedAnswer("content-length is too large") }
            contentLength = length
        } else if byte == UInt8(ascii: "\n") {
            place = .headerName(matched: 0)
        } else if byte != UInt8(ascii: " "), byte != UInt8(ascii: "\r") {
            throw .malformedAnswer("content-length is not a number")
        }
    }

    private var hasNoBody: Bool { status == 101 || status == 204 || status == 304 }

    private mutating func endHeaders() throws(BenchError) {
        guard hasNoBody || contentLength != nil else { throw .malformedAnswer("status \(status) without content-length") }
        place = .body(remaining: hasNoBody ? 0 : contentLength ?? 0)
    }

    private mutating func readBody(_ remaining: Int, from buffer: inout ByteBuffer) -> Response? {
        let taken = min(remaining, buffer.readableBytes)
        if status >= 300 {
            text.append(contentsOf: buffer.readableBytesView.prefix(min(taken, Self.maxTextBytes - text.count)))
        }
        buffer.moveReaderIndex(forwardBy: taken)
        guard taken == remaining else {
            place = .body(remaining: remaining - taken)
            return nil
        }
        let bodyBytes = hasNoBody ? 0 : contentLength ?? 0
        let response = Response(status: status, bodyBytes: bodyBytes, text: text)
        self = ResponseReader()
        return response
    }

    /// Most header bytes are of no interest; they are passed over together, up to and without the line's end.
    private func skipLine(_ buffer: inout ByteBuffer) {
        let rest = buffer.withUnsafeReadableBytes { bytes in bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count }
        buffer.moveReaderIndex(forwardBy: rest)
    }

    private static func digit(_ byte: UInt8) -> Int? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
    }
}
