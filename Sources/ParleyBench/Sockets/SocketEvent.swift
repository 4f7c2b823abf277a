import NIOCore

/// What a receiver looks at in a text frame. JSON is not read, only looked at: its members come in a fixed order.
enum SocketEvent: Equatable {
    /// A message, and its sequence number.
    case message(Int64)
    case caughtUp(cursor: String)
    /// A command was carried out.
    case accepted(id: Int64)
    /// A command was refused; the whole text.
    case refused(String)
    /// The connection is told that it is slow.
    case behind
    case other

    private static let numberName = Array("\"sequence_number\":".utf8)
    private static let cursorName = Array("\"cursor\":\"".utf8)
    private static let idName = Array("{\"id\":".utf8)

    init(_ payload: ByteBuffer) {
        self = payload.withUnsafeReadableBytes(Self.read)
    }

    private static func read(_ text: UnsafeRawBufferPointer) -> SocketEvent {
        if text.begins(with: "{\"type\":\"message\"") { return number(in: text).map { .message($0) } ?? .other }
        if text.begins(with: "{\"id\":") { return reply(text) }
        if text.begins(with: "{\"type\":\"caught_up\"") { return .caughtUp(cursor: cursor(in: text)) }
        return text.begins(with: "{\"type\":\"behind\"") ? .behind : .other
    }

    /// From the end: a message's own members come after its content and its media, whatever they hold.
    static func number(in text: UnsafeRawBufferPointer) -> Int64? {
        text.lastPlace(after: numberName).flatMap { text.decimal(at: $0) }
    }

    private static func cursor(in text: UnsafeRawBufferPointer) -> String {
        guard let start = text.lastPlace(after: cursorName) else { return "" }
        return String(decoding: text[start...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }

    private static func reply(_ text: UnsafeRawBufferPointer) -> SocketEvent {
        guard let id = text.decimal(at: idName.count) else { return .other }
        let rest = UnsafeRawBufferPointer(rebasing: text[idName.count...].drop { $0 != UInt8(ascii: ",") })
        return rest.begins(with: ",\"type\":\"ok\"") ? .accepted(id: id) : .refused(String(decoding: text, as: UTF8.self))
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func begins(with text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && text.withUTF8Buffer { elementsEqual($0, prefix: $0.count) }
    }

    private func elementsEqual(_ text: UnsafeBufferPointer<UInt8>, prefix length: Int) -> Bool {
        for place in 0..<length where self[place] != text[place] { return false }
        return true
    }

    /// The place behind the last occurrence.
    func lastPlace(after name: [UInt8]) -> Int? {
        var place = count - name.count
        while place >= 0 {
            if self[place] == name[0], self[place..<place + name.count].elementsEqual(name) { return place + name.count }
            place -= 1
        }
        return nil
    }

    func decimal(at place: Int) -> Int64? {
        var value: Int64 = 0
        var end = place
        while end < count, let digit = digit(at: end), end - place < 18 {
            value = value * 10 + digit
            end += 1
        }
        return end > place ? value : nil
    }

    private func digit(at place: Int) -> Int64? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self[place]) ? Int64(self[place] - UInt8(ascii: "0")) : nil
    }
}
