import ParleyCore
import ParleyModel

/// What a client asks over the socket.
enum SocketCommand: Sendable, Equatable {
    case authenticate(token: String)
    case subscribe(SubscribeCommand)
    case send(MessageDraft)
    case read(ConversationID, sequenceNumber: Int64)
    case delivered(ConversationID, sequenceNumber: Int64)
    case typing(ConversationID, isTyping: Bool)
    case presence([UserID])
    case activity(isActive: Bool)
    case ping
}

/// What `subscribe` says. Positions may come in several commands, all but the last one with `more`.
struct SubscribeCommand: Sendable, Equatable {
    var request = ResumeRequest()
    var isLast = true
}

/// A command with the number that its reply repeats.
struct NumberedCommand: Sendable, Equatable {
    let id: Int64
    let command: SocketCommand
}

/// What a text frame turned out to be.
enum ReadCommand: Equatable {
    case command(NumberedCommand)
    /// A refusal to reply with; the connection stays.
    case refused(id: Int64, ParleyError)
    /// Nothing that could be replied to: the connection ends.
    case unreadable(CloseCode)
}

extension ReadCommand {
    /// Reads one text message. Unknown members are ignored, unknown commands refused.
    init(_ text: some Collection<UInt8>) {
        let value: JSONValue
        do throws(JSONSyntaxError) {
            value = try JSONParser.parse(text)
        } catch {
            self = .unreadable(error == .invalidUTF8 ? .invalidUTF8 : .commandError)
            return
        }
        guard case .object(let object) = value, case .integer(let id)? = object["id"] else {
            self = .unreadable(.commandError)
            return
        }
        do {
            self = .command(NumberedCommand(id: id, command: try SocketCommand(object)))
        } catch let error as FieldError {
            self = .refused(id: id, ParleyError(error))
        } catch {
            self = .refused(id: id, error as? ParleyError ?? ParleyError(.invalidField, "the command cannot be read"))
        }
    }
}

extension SocketCommand {
    /// Throws a ``FieldError``, or a ``ParleyError`` with a code of its own.
    init(_ object: JSONObject) throws {
        switch try object.requiredString("type") {
        case "authenticate": self = .authenticate(token: try object.requiredString("token"))
        case "subscribe": self = .subscribe(try SubscribeCommand(object))
        case "send": self = .send(try MessageDraft(object))
        case "read": self = .read(try object.conversation(), sequenceNumber: try object.sequenceNumber())
        case "delivered": self = .delivered(try object.conversation(), sequenceNumber: try object.sequenceNumber())
        case "typing": self = .typing(try object.conversation(), isTyping: try object.boolean("is_typing") ?? true)
        case "presence":
            guard object.member("user_ids") != nil else { throw FieldError.missing("user_ids") }
            self = .presence(try object.ids("user_ids"))
        case "activity":
            guard let isActive = try object.boolean("active") else { throw FieldError.missing("active") }
            self = .activity(isActive: isActive)
        case "ping": self = .ping
        default:
            throw ParleyError(
                .unknownCommand, "type must be authenticate, subscribe, send, read, delivered, typing, presence, activity or ping")
        }
    }
}

extension SubscribeCommand {
    init(_ object: JSONObject) throws {
        if let text = try object.string("cursor") {
            guard let cursor = ResumeCursor(text) else { throw ParleyError(.invalidCursor, "cursor is not one that this server made") }
            request.cursor = cursor
        }
        for (name, value) in try object.object("positions")?.members ?? [] {
            guard let id = ConversationID(name) else { throw FieldError.invalid("positions", reason: "must have UUIDs as names") }
            guard case .integer(let number) = value, number >= 0 else {
                throw FieldError.invalid("positions", reason: "must hold sequence numbers")
            }
            request.positions[id] = number
        }
        if object.member("conversation_ids") != nil { request.only = Set(try object.ids("conversation_ids")) }
        request.replayLimit = try object.integer("replay_limit")
        guard request.replayLimit ?? 0 >= 0 else { throw FieldError.invalid("replay_limit", reason: "must not be negative") }
        isLast = try object.boolean("more") != true
    }

    /// Takes a further part of the same subscription; what comes later wins.
    mutating func add(_ next: SubscribeCommand) {
        request.cursor = next.request.cursor ?? request.cursor
        request.positions.merge(next.request.positions) { _, later in later }
        if let only = next.request.only { request.only = only.union(request.only ?? []) }
        request.replayLimit = next.request.replayLimit ?? request.replayLimit
        isLast = next.isLast
    }
}

extension JSONObject {
    fileprivate func conversation() throws(FieldError) -> ConversationID {
        guard let id: ConversationID = try id("conversation_id") else { throw .missing("conversation_id") }
        return id
    }

    fileprivate func sequenceNumber() throws(FieldError) -> Int64 {
        guard let number = try integer("sequence_number") else { throw .missing("sequence_number") }
        return number
    }
}
