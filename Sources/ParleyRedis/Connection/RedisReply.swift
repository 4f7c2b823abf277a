import CHiredis
import ParleyCore

/// What the server answered (RESP2).
enum RedisReply: Sendable, Equatable {
    case text([UInt8])
    case integer(Int64)
    case array([RedisReply])
    case null
    case status(String)
    /// The server's words, without what it repeats of the command.
    case error(String)

    /// Copies a reply of hiredis, which stays the caller's to free.
    init(_ reply: UnsafeMutablePointer<redisReply>) {
        let value = reply.pointee
        self =
            switch value.type {
            case REDIS_REPLY_STRING: .text(Self.bytes(value))
            case REDIS_REPLY_INTEGER: .integer(value.integer)
            case REDIS_REPLY_ARRAY: .array((0..<value.elements).compactMap { value.element[$0].map(RedisReply.init) })
            case REDIS_REPLY_NIL: .null
            case REDIS_REPLY_STATUS: .status(String(decoding: Self.bytes(value), as: UTF8.self))
            default: .error(Self.withoutParameters(String(decoding: Self.bytes(value), as: UTF8.self)))
            }
    }

    private static func bytes(_ reply: redisReply) -> [UInt8] {
        guard let text = reply.str else { return [] }
        return Array(UnsafeRawBufferPointer(start: text, count: reply.len))
    }

    /// An unknown command is answered with what came after it ("…, with args beginning with: 'secret'"), which nobody may see.
    static func withoutParameters(_ error: String) -> String {
        String((error.firstRange(of: ", with args").map { error[..<$0.lowerBound] } ?? error[...]).prefix(200))
    }

    /// The reply, unless it is an error.
    func checked() throws(StoreError) -> RedisReply {
        if case .error(let sentence) = self { throw .unavailable("redis: \(sentence)") }
        return self
    }

    /// Whether a server that answers so cannot serve us now, although the connection is whole: it is loading its data, or
    /// has become a replica. Another one may stand behind the same address.
    var asksToReconnect: Bool {
        guard case .error(let sentence) = self else { return false }
        return ["LOADING", "READONLY", "MASTERDOWN"].contains { sentence.hasPrefix($0) }
    }

    var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    var text: [UInt8]? { if case .text(let bytes) = self { bytes } else { nil } }
}
