import ParleyModel
import Testing

/// What one side writes, the other reads as the same value.
struct DecodingTests {
    @Test(arguments: EventSamples.all)
    func `an event that was written is read as the same event`(event: Event) throws {
        let json = try object(event.json)
        #expect(try Event(json, at: EventSamples.start) == event)
    }

    @Test func `every type of event has a sample`() {
        let types: Set = [
            "hello", "message", "conversation", "participant", "mute", "notification_level", "read", "delivered", "receipts", "typing",
            "presence",
            "behind", "skipped", "caught_up", "heartbeat", "going_away", "closing",
        ]
        #expect(Set(EventSamples.all.map(\.type)) == types)
    }

    @Test func `an event of unknown type is ignored`() throws {
        #expect(try Event(object(#"{"type":"fireworks","rockets":3}"#)) == nil)
    }

    @Test func `members that are not known are ignored`() throws {
        let json = #"{"type":"caught_up","cursor":"c","mood":{"good":true}}"#
        #expect(try Event(object(json)) == .caughtUp(cursor: "c"))
    }

    @Test(arguments: EventSamples.all)
    func `an event without one of its required members is refused`(event: Event) throws {
        let whole = try object(event.json)
        for name in Self.required[event.type] ?? [] {
            let rest = JSONObject(members: whole.members.filter { $0.name != name })
            #expect(throws: FieldError.missing(name)) { try Event(rest) }
        }
    }

    @Test(arguments: EventSamples.all)
    func `a member of a wrong type is refused, never guessed`(event: Event) throws {
        let whole = try object(event.json)
        for name in Self.required[event.type] ?? [] {
            let wrong = JSONObject(members: whole.members.map { $0.name == name ? ($0.name, .array([])) : $0 })
            #expect {
                try Event(wrong)
            } throws: { error in
                guard case FieldError.wrongType(name, _, "an array") = error else { return false }
                return true
            }
        }
    }

    @Test(arguments: [
        (#"{"type":"conversation","conversation_id":"x","change":"removed"}"#, "conversation_id"),
        (#"{"type":"conversation","conversation_id":"c0000000-0000-4000-8000-000000000001","change":"sold"}"#, "change"),
        (#"{"type":"heartbeat","server_time":"2026-01-01T00:00:00Z","sequences":{"x":1}}"#, "sequences"),
        (#"{"type":"heartbeat","server_time":"yesterday","sequences":{}}"#, "server_time"),
    ])
    func `a value that means nothing is refused`(json: String, field: String) throws {
        #expect {
            try Event(object(json))
        } throws: { error in
            guard case FieldError.invalid(field, _) = error else { return false }
            return true
        }
    }

    @Test func `a page of history is read as it was written`() throws {
        let page = MessagePage(messages: [EventSamples.text, EventSamples.image], hasMore: true, lastSequence: 9)
        #expect(try MessagePage(object(page.json)) == page)
    }

    @Test func `a participant is read as it was written`() throws {
        let participant = Participant(
            userID: EventSamples.ann, role: .readOnly, joinedAt: EventSamples.start, lastReadSequence: 3, lastDeliveredSequence: 4)
        #expect(try Participant(object(participant.json)) == participant)
    }

    @Test func `states are read as they were written`() throws {
        let read = ReadState(lastReadSequence: 3, unreadCount: 4, lastSequence: 8)
        #expect(try ReadState(object(read.json)) == read)
        let counts = ReceiptCounts(sequenceNumber: 3, readCount: 4, deliveredCount: 5)
        #expect(try ReceiptCounts(object(counts.json)) == counts)
    }

    @Test func `a mute that has ended is read as none`() throws {
        let ended = MuteState(.until(EventSamples.start), at: EventSamples.start)
        #expect(Mute(try MuteState(object(ended.json))) == .off)
    }

    private static let required: [String: [String]] = [
        "hello": ["session", "heartbeat_interval_ms", "limits", "server_time"],
        "message": ["message"],
        "conversation": ["change"],
        "participant": ["conversation_id", "user_id", "change", "participant_count", "version"],
        "mute": ["conversation_id", "muted"],
        "notification_level": ["conversation_id", "notification_level"],
        "read": ["conversation_id", "user_id", "sequence_number"],
        "delivered": ["conversation_id", "user_id", "sequence_number"],
        "receipts": ["conversation_id", "sequence_number", "read_count", "delivered_count"],
        "typing": ["conversation_id", "user_id", "is_typing"],
        "presence": ["user_id", "online"],
        "behind": ["conversation_id", "sequence_number"],
        "skipped": ["conversation_id", "after_sequence", "sequence_number"],
        "caught_up": ["cursor"],
        "heartbeat": ["server_time", "sequences"],
        "going_away": ["reconnect_after_ms"],
        "closing": ["code", "reason"],
    ]

    private func object(_ json: [UInt8]) throws -> JSONObject {
        guard case .object(let object) = try JSONParser.parse(json) else { throw FieldError.missing("object") }
        return object
    }

    private func object(_ json: String) throws -> JSONObject { try object(Array(json.utf8)) }
}
