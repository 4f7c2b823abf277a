import ParleyModel
import Testing

@testable import ParleyClient

/// Plays a state machine: speaks as its server would and reads what it wants done.
struct MachineDriver {
    typealias Action = ClientStateMachine.Action

    var machine: ClientStateMachine
    var now: Int64 = 1_000_000

    init(resume: ResumeState = ResumeState(), _ change: (inout ClientStateMachine.Options) -> Void = { _ in }) {
        var options = ClientStateMachine.Options()
        change(&options)
        machine = ClientStateMachine(resume: resume, options: options, seed: 7)
    }

    // MARK: The server's words

    mutating func say(_ event: Event) -> [Action] { machine.text(event.json, at: now) }

    mutating func say(_ json: String) -> [Action] { machine.text(Array(json.utf8), at: now) }

    mutating func ok(_ command: JSONObject, _ members: String = "") -> [Action] {
        say(#"{"id":\#(command.commandID),"type":"ok"\#(members.isEmpty ? "" : "," + members)}"#)
    }

    mutating func refuse(_ command: JSONObject, _ code: ErrorCode, retryAfter: Int64? = nil) -> [Action] {
        let delay = retryAfter.map { #","retry_after_ms":\#($0)"# } ?? ""
        return say(
            #"{"id":\#(command.commandID),"type":"error","code":"\#(code.rawValue)","detail":"d","retryable":\#(code.isRetryable)\#(delay)}"#
        )
    }

    mutating func stored(_ command: JSONObject, _ number: Int64) -> [Action] {
        let text = String(decoding: message(number, from: me).json, as: UTF8.self)
        return ok(command, #""message":\#(text),"repeated":false"#)
    }

    static func hello(positions: Int64 = 1000, commands: Int64 = 50, frameBytes: Int64 = 65_536) -> Event {
        .hello(
            Hello(
                session: "s", userID: nil, heartbeatIntervalMilliseconds: 25_000,
                limits: Hello.Limits(
                    frameBytes: frameBytes, outboundBytes: 262_144, commandsPerSecond: commands, positions: positions,
                    subscriptions: 10_000,
                    presenceUsers: 500, socketsPerUser: 50, receiptsParticipants: 100, typingIntervalMilliseconds: 3000),
                serverTime: start))
    }

    // MARK: Steps

    /// Connects, up to the answered `authenticate`; the `subscribe` commands.
    mutating func authenticate(_ hello: Event = hello()) -> [JSONObject] {
        if machine.phase == .idle { _ = machine.start() }
        _ = machine.opened(token: "t", at: now)
        let asked = say(hello).sent
        return ok(asked[0], #""user_id":"\#(me)""#).sent
    }

    /// Connects until everything missed has come; what is sent after the subscription.
    @discardableResult
    mutating func goLive(cursor: String = "c1", _ hello: Event = hello()) -> [JSONObject] {
        let asked = authenticate(hello)
        var actions: [Action] = []
        for command in asked { actions += ok(command, #""conversations":1"#) }
        return (actions + say(.caughtUp(cursor: cursor))).sent
    }

    mutating func lose(_ code: UInt16? = nil) -> [Action] { machine.closed(code, reason: "", at: now) }

    mutating func pass(_ milliseconds: Int64) -> [Action] {
        now += milliseconds
        return machine.tick(at: now)
    }

    mutating func ask(_ request: ClientRequest, _ ticket: Ticket = 1) -> [Action] { machine.request(request, ticket, at: now) }
}

func heartbeat(_ cursor: String?) -> Event { .heartbeat(Heartbeat(serverTime: start, cursor: cursor, sequences: [:])) }

func outgoing(_ text: String, in id: ConversationID = home) -> OutgoingMessage { OutgoingMessage(to: id, text, clientMessageID: text) }

extension [ClientStateMachine.Action] {
    /// The commands among them.
    var sent: [JSONObject] {
        compactMap { action in
            guard case .send(let bytes) = action, case .object(let json)? = try? JSONParser.parse(bytes) else { return nil }
            return json
        }
    }

    var delivered: [Event] {
        compactMap { if case .deliver(let event) = $0 { event } else { nil } }
    }

    /// The sequence numbers of delivered messages.
    var numbers: [Int64] {
        delivered.compactMap { if case .message(let message) = $0 { message.message.sequenceNumber } else { nil } }
    }

    var connect: (delay: Int64, freshToken: Bool)? {
        for case .connect(let delay, let fresh) in self { return (delay, fresh) }
        return nil
    }

    var stopped: ClientError? {
        for case .stop(let error) in self { return error }
        return nil
    }

    var states: [ConnectionState] { compactMap { if case .state(let state) = $0 { state } else { nil } } }

    var fulfilled: [Ticket: Result<ClientStateMachine.Answer, ClientError>] {
        var all: [Ticket: Result<ClientStateMachine.Answer, ClientError>] = [:]
        for case .fulfil(let ticket, let result) in self { all[ticket] = result }
        return all
    }
}

extension JSONObject {
    var commandID: Int64 { (try? requiredInteger("id")) ?? -1 }
    var type: String { (try? requiredString("type")) ?? "" }
    var content: String { (try? requiredString("content")) ?? "" }
    var sequenceNumber: Int64 { (try? requiredInteger("sequence_number")) ?? -1 }
    var positionCount: Int { (try? object("positions"))??.members.count ?? 0 }
}
