import HTTPTypes
import ParleyModel
import ParleyTesting
import Testing

/// Markers only advance, counts are true (P4), mutes end by themselves.
@Suite(.timeLimit(.minutes(1)))
struct ReadMarkerTests {
    @Test func `a marker only advances, and never past the last message (P4)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            for _ in 1...4 { try await parley.send(in: path) }
            try await parley.send(in: path, as: ben)
            for (number, marker, unread) in [
                (0, 0, 4), (2, 2, 2), (1, 2, 2), (2, 2, 2), (0, 2, 2), (3, 3, 1), (99, 5, 0), (Int64.max, 5, 0),
            ] as [(Int64, Int64, Int64)] {
                let answer = try await parley.call(.put, path + "/read", as: ben, ["sequence_number": .integer(number)])
                #expect(answer.status == 200)
                #expect(answer.json == ["last_read_sequence": .integer(marker), "unread_count": .integer(unread), "last_sequence": 5])
                let view = try await parley.call(.get, path, as: ben)
                #expect(view["last_read_sequence"] == .integer(marker))
                #expect(view["unread_count"] == .integer(unread))
            }
            try await parley.send(in: path)
            #expect(try await parley.call(.get, path, as: ben)["unread_count"] == 1)
        }
    }

    @Test func `unread is what others sent after the marker, for each participant (P4)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group([ben, cleo])
            let senders = [ada, ben, ben, cleo, ada, ben, cleo, cleo, cleo, ada]
            for sender in senders { try await parley.send(in: path, as: sender) }
            for user in [ada, ben, cleo] {
                for marker in [0, 3, 7, 10] {
                    let answer = try await parley.call(.put, path + "/read", as: user, ["sequence_number": .integer(Int64(marker))])
                    #expect(answer["unread_count"] == .integer(Int64(senders[marker...].count { $0 != user })))
                }
            }
            let participants = try await parley.call(.get, path + "/participants", as: ada)["participants"]?.items ?? []
            #expect(participants.map { $0["last_read_sequence"] } == [10, 10, 10])
        }
    }

    @Test func `a marker that is none is refused and nothing changes`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            try await parley.send(in: path)
            let before = try await parley.state(of: path)
            for (body, code) in [
                ([:], .missingField), (["sequence_number": .null], .missingField), (["sequence_number": -1], .invalidField),
                (["sequence_number": "1"], .invalidField), (["sequence_number": .number(1.5)], .invalidField),
                (["sequence_number": true], .invalidField),
                (["sequence_number": .number(1e30)], .invalidField),
            ] as [(JSONValue, ErrorCode)] {
                expect(try await parley.call(.put, path + "/read", as: ben, body), refuses: code)
            }
            #expect(try await parley.state(of: path) == before)
            #expect(try await parley.call(.put, path + "/read", as: ben, ["sequence_number": 1])["unread_count"] == 0)
        }
    }

    // MARK: Mute

    @Test func `a mute holds for ever, or until its time, for its own user only`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let forever = try await parley.call(.put, path + "/mute", as: ada, [:])
            #expect(forever.status == 200)
            #expect(forever.json == ["muted": true, "muted_until": .null])
            #expect(try await parley.call(.get, path, as: ada)["muted"] == true)
            #expect(try await parley.call(.get, path, as: ben)["muted"] == false)

            let off = try await parley.call(.delete, path + "/mute", as: ada)
            #expect(off.status == 200)
            #expect(off.json == ["muted": false, "muted_until": .null])

            let hour = try await parley.call(.put, path + "/mute", as: ada, ["until": "2026-01-01T02:00:00+01:00"])
            #expect(hour.json == ["muted": true, "muted_until": "2026-01-01T01:00:00.000Z"])
            parley.time.advance(bySeconds: 3599)
            let view = try await parley.call(.get, path, as: ada)
            #expect(view["muted"] == true)
            #expect(view["muted_until"] == "2026-01-01T01:00:00.000Z")
            parley.time.advance(bySeconds: 1)
            let later = try await parley.call(.get, "/v1/conversations", as: ada)["conversations"]?.items.first
            #expect(later?["muted"] == false)
            #expect(later?["muted_until"] == .null)
            #expect(try await parley.call(.put, path + "/mute", as: ada, ["until": "2026-01-01T00:00:00Z"])["muted"] == false)
        }
    }

    @Test func `a level of notifications is set for its own user only`() async throws {
        try await Parley.run { parley in
            for path in [try await parley.direct(), try await parley.group()] {
                #expect(try await parley.call(.get, path, as: ada)["notification_level"] == "all")
                for level in ["mentions", "none", "all", "none"] as [JSONValue] {
                    let answer = try await parley.call(.put, path + "/notifications", as: ada, ["level": level])
                    #expect(answer.status == 200)
                    #expect(answer.json == ["notification_level": level])
                    #expect(try await parley.call(.get, path, as: ada)["notification_level"] == level)
                    #expect(try await parley.call(.get, path, as: ben)["notification_level"] == "all")
                }
            }
        }
    }

    @Test func `a level that is none is refused and nothing changes`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            for level in ["some", "", 1, true, "ALL"] as [JSONValue] {
                expect(try await parley.call(.put, path + "/notifications", as: ada, ["level": level]), refuses: .invalidField)
            }
            for body in [[:], ["level": .null]] as [JSONValue] {
                expect(try await parley.call(.put, path + "/notifications", as: ada, body), refuses: .missingField)
            }
            #expect(try await parley.call(.get, path, as: ada)["notification_level"] == "all")
            expect(try await parley.call(.put, path + "/notifications", as: cleo, ["level": "none"]), refuses: .notAParticipant)
        }
    }

    @Test func `a time that is none is refused and nothing changes`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            #expect(try await parley.call(.put, path + "/mute", as: ada, ["until": "2026-06-01T00:00:00Z"]).status == 200)
            let before = try await parley.state(of: path)
            for until in ["tomorrow", "", 1_767_225_600, true, "2026-13-01T00:00:00Z", "2026-06-01", "2026-02-30T00:00:00Z"] as [JSONValue]
            {
                expect(try await parley.call(.put, path + "/mute", as: ada, ["until": until]), refuses: .invalidField, nil, "\(until)")
            }
            #expect(try await parley.state(of: path) == before)
        }
    }
}
