import ParleyCore
import ParleyModel

/// What a client asks over the socket.
enum SocketCommand: Sendable, Equatable {
    case authenticate(token: String)
    case send(MessageDraft)
    case ping
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
        do throws(FieldError) {
            switch try object.requiredString("type") {
            case "authenticate": self = .command(NumberedCommand(id: id, command: .authenticate(token: try object.requiredString("token"))))
            case "send": self = .command(NumberedCommand(id: id, command: .send(try MessageDraft(object))))
            case "ping": self = .command(NumberedCommand(id: id, command: .ping))
            default: self = .refused(id: id, ParleyError(.unknownCommand, "type must be authenticate, send or ping"))
            }
        } catch {
            self = .refused(id: id, ParleyError(error))
        }
    }
}
