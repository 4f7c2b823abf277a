import NIOCore
import ParleyModel

/// The bytes of a request, made once, with at most one place where a number goes.
struct RequestTemplate: Sendable {
    /// For error messages: method and path.
    let name: String
    private let head: [UInt8]
    private let tail: [UInt8]
    private let hasNumber: Bool

    init(name: String, head: String, tail: String, hasNumber: Bool) {
        self.name = name
        self.head = Array(head.utf8)
        self.tail = Array(tail.utf8)
        self.hasNumber = hasNumber
    }

    func write(number: Int64, into buffer: inout ByteBuffer) {
        buffer.writeBytes(head)
        if hasNumber { buffer.writeDecimal(number) }
        buffer.writeBytes(tail)
    }

    static func get(_ path: String, endsInNumber: Bool = false, token: String?) -> RequestTemplate {
        RequestTemplate(
            name: "GET \(path)", head: "GET \(path)", tail: " HTTP/1.1\r\nHost: 127.0.0.1\r\n\(authorization(token))\r\n",
            hasNumber: endsInNumber)
    }

    /// A create whose client message id is the number, which must have ``CountingNumbers/digits`` digits.
    static func create(in conversation: ConversationID, content: String, token: String) -> RequestTemplate {
        let path = "/v1/conversations/\(conversation)/messages"
        let bodyHead = "{\"message_type\":\"text\",\"content\":\"\(content)\",\"client_message_id\":\""
        let bodyTail = "\"}"
        let length = bodyHead.utf8.count + CountingNumbers.digits + bodyTail.utf8.count
        return RequestTemplate(
            name: "POST \(path)",
            head: "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(authorization(token))Content-Type: application/json\r\n"
                + "Content-Length: \(length)\r\n\r\n\(bodyHead)",
            tail: bodyTail, hasNumber: true)
    }

    private static func authorization(_ token: String?) -> String {
        token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
    }
}

/// Numbers of a fixed length that are used once in a run: each connection has its own block of a thousand million.
struct CountingNumbers: Sendable {
    static let digits = 16
    private static let perBlock: Int64 = 1_000_000_000
    private static let firstBlock: Int64 = 1_000_000
    private var next: Int64

    init(block: Int64) {
        next = (Self.firstBlock + block) * Self.perBlock
    }

    mutating func take() -> Int64 {
        defer { next += 1 }
        return next
    }
}

/// Random numbers from a small generator (xorshift64*): good enough to choose places in a history, and nearly free.
struct RandomNumbers: Sendable {
    private var state: UInt64
    private let bound: UInt64

    /// Numbers in `0..<bound`.
    init(seed: UInt64, bound: Int64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        self.bound = UInt64(max(1, bound))
    }

    mutating func take() -> Int64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return Int64((state &* 0x2545_F491_4F6C_DD1D) >> 16 % bound)
    }
}

/// What one connection sends, over and over, and what must come back.
struct RequestSource: Sendable {
    enum Numbers: Sendable {
        case none
        case counting(CountingNumbers)
        case random(RandomNumbers)
    }

    let expectedStatus: Int
    let expectedBytes: Int
    private let templates: [RequestTemplate]
    private var numbers: Numbers
    private var place = 0

    /// The templates are taken in turn.
    init(_ templates: [RequestTemplate], numbers: Numbers = .none, expectedStatus: Int, expectedBytes: Int = 0) {
        precondition(!templates.isEmpty)
        self.templates = templates
        self.numbers = numbers
        self.expectedStatus = expectedStatus
        self.expectedBytes = expectedBytes
    }

    /// Method and path of the request that was written last.
    var currentName: String { templates[(place + templates.count - 1) % templates.count].name }

    mutating func writeNext(into buffer: inout ByteBuffer) {
        let template = templates[place]
        place = place + 1 == templates.count ? 0 : place + 1
        template.write(number: takeNumber(), into: &buffer)
    }

    private mutating func takeNumber() -> Int64 {
        switch numbers {
        case .none:
            return 0
        case .counting(var counting):
            let number = counting.take()
            numbers = .counting(counting)
            return number
        case .random(var random):
            let number = random.take()
            numbers = .random(random)
            return number
        }
    }
}

extension ByteBuffer {
    /// Writes a number that is not negative as decimal digits.
    mutating func writeDecimal(_ number: Int64) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = number
            var place = 20
            repeat {
                place -= 1
                digits[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            writeBytes(UnsafeBufferPointer(rebasing: digits[place...]))
        }
    }
}
