import HTTPTypes
import ParleyModel
import Testing

@Suite(.timeLimit(.minutes(1)))
struct NotificationSettingsTests {
    private let route = "/v1/users/\(ada)/notification-settings"
    private let unsaid: JSONValue = ["display_name": .null, "time_zone": "UTC", "quiet_hours": .null, "privacy": .null]
    private let said: JSONValue = [
        "display_name": "Ada 👩‍👩‍👧", "time_zone": "Europe/Berlin", "quiet_hours": ["from": "22:00", "to": "07:05"], "privacy": "sender",
    ]

    @Test func `what is set comes back, and the next replaces it all`() async throws {
        try await Parley.run { parley in
            #expect(try await parley.call(.get, route, as: ada).json == unsaid)
            let answer = try await parley.call(.put, route, as: ada, said.with("mood", "good"))
            #expect(answer.status == 200)
            #expect(answer.json == said)
            #expect(try await parley.call(.get, route, as: ada).json == said)
            let other: JSONValue = ["quiet_hours": ["from": "00:00", "to": "23:59"]]
            let expected = unsaid.with("quiet_hours", nil)
            let answered = try await parley.call(.put, route, as: ada, other).json
            #expect(answered["quiet_hours"] == other["quiet_hours"])
            #expect(answered.with("quiet_hours", nil) == expected)
            for nothing in [[:], unsaid.with("time_zone", .null)] as [JSONValue] {
                #expect(try await parley.call(.put, route, as: ada, nothing).json == unsaid)
                #expect(try await parley.call(.get, route, as: ada).json == unsaid)
            }
        }
    }

    @Test func `they are one's own, and a service token's (P7)`() async throws {
        try await Parley.run { parley in
            #expect(try await parley.call(.put, route, as: ada, said).status == 200)
            expect(try await parley.call(.get, route, as: ben), refuses: .serviceTokenRequired)
            expect(try await parley.call(.put, route, as: ben, [:]), refuses: .serviceTokenRequired)
            expect(try await parley.call(.get, route, as: nil), refuses: .missingToken)
            #expect(try await parley.callAsService(.get, route).json == said)
            #expect(try await parley.callAsService(.get, route, for: ben).json == said)
            #expect(try await parley.callAsService(.put, route, [:]).json == unsaid)
            #expect(try await parley.call(.get, route, as: ada).json == unsaid)
            expect(try await parley.call(.get, "/v1/users/ada/notification-settings", as: ada), refuses: .invalidID)
        }
    }

    static let wrong: [(JSONValue, ErrorCode, String)] = [
        (["display_name": ""], .invalidField, "display_name must not be empty; null takes it away"),
        (["display_name": .string(String(repeating: "é", count: 101))], .invalidField, "display_name may have at most 100 characters"),
        (["display_name": "a\u{0}b"], .invalidField, "display_name must not contain U+0000"),
        (["display_name": 5], .invalidField, "display_name must be a string, but is a number"),
        (["time_zone": "Mars/Phobos"], .invalidField, "time_zone must be a name of the IANA time zone database, such as Europe/Berlin"),
        (["time_zone": "GMT+0300"], .invalidField, "time_zone must be a name of the IANA time zone database, such as Europe/Berlin"),
        (
            ["time_zone": "../etc/localtime"], .invalidField,
            "time_zone must be a name of the IANA time zone database, such as Europe/Berlin"
        ),
        (["time_zone": ""], .invalidField, "time_zone must be a name of the IANA time zone database, such as Europe/Berlin"),
        (["quiet_hours": "22-7"], .invalidField, "quiet_hours must be an object, but is a string"),
        (["quiet_hours": ["from": "22:00"]], .missingField, "to is required"),
        (["quiet_hours": ["from": "22:00", "to": "24:00"]], .invalidField, "to must be a time of day such as 22:00"),
        (["quiet_hours": ["from": "7:00", "to": "22:00"]], .invalidField, "from must be a time of day such as 22:00"),
        (["privacy": "none"], .invalidField, "privacy must be full, sender or ids"),
    ]

    @Test(arguments: wrong)
    func `a wrong member is refused with a sentence, and nothing changes`(_ body: JSONValue, _ code: ErrorCode, _ detail: String)
        async throws
    {
        try await Parley.run { parley in
            #expect(try await parley.call(.put, route, as: ada, said).status == 200)
            expect(try await parley.call(.put, route, as: ada, body), refuses: code, detail)
            #expect(try await parley.call(.get, route, as: ada).json == said)
        }
    }

    @Test(arguments: ["UTC", "GMT", "Europe/Berlin", "Asia/Calcutta", "Asia/Kolkata", "Etc/GMT+3", "America/Argentina/Buenos_Aires"])
    func `a time zone that browsers tell is known`(zone: String) async throws {
        try await Parley.run { parley in
            let answer = try await parley.call(.put, route, as: ada, ["time_zone": .string(zone)])
            #expect(answer["time_zone"] == .string(zone))
        }
    }
}
