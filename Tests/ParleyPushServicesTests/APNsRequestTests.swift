import ParleyModel
import ParleyPush
import ParleyPushStandIns
import ParleyTesting
import Testing

@testable import ParleyPushServices

/// What Apple's servers get to see.
struct APNsRequestTests {
    @Test func `an alert has everything that Apple asks for, and what the app needs`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send().isAccepted)
            let request = try #require(scene.standIn.record.requests.first)
            #expect(request.path == "/3/device/\(APNsScene.token)")
            #expect(request.field("apns-topic") == APNsScene.topic)
            #expect(request.field("apns-push-type") == "alert")
            #expect(request.field("apns-priority") == "10")
            #expect(request.field("apns-expiration") == "\(Sample.time(3600).milliseconds / 1000)")
            #expect(request.field("apns-collapse-id") == PushMessage.sample().messageID.description)
            let json = try request.json
            #expect(json[["aps", "alert", "title"]] == .string("Ada"))
            #expect(json[["aps", "alert", "body"]] == .string("Hello"))
            #expect(json[["aps", "thread-id"]] == .string(ConversationID.sample.description))
            #expect(json[["aps", "badge"]] == .integer(3))
            #expect(json[["aps", "sound"]] == .string("default"))
            #expect(json[["aps", "mutable-content"]] == nil)
            #expect(json["message_id"] == .string(PushMessage.sample().messageID.description))
            #expect(json["conversation_id"] == .string(ConversationID.sample.description))
            #expect(json["sender_id"] == .string(PushMessage.sample().senderID.description))
            #expect(json["sequence_number"] == .integer(42))
            #expect(json["count"] == .integer(1))
        }
    }

    @Test func `the answer names the notification as Apple does`() async throws {
        try await APNsScene.run { scene in
            let answer = await scene.send()
            let id = try #require(scene.standIn.record.requests.first?.field("apns-id"))
            #expect(answer == .accepted(id: id))
        }
    }

    @Test func `a repeat has the same id, and takes the place of what was shown`() async throws {
        try await APNsScene.run { scene in
            for _ in 1...2 { _ = await scene.send() }
            _ = await scene.send(.message(.sample(id: 2)))
            let requests = scene.standIn.record.requests
            let ids = requests.compactMap { $0.field("apns-id") }
            #expect(ids.count == 3 && ids[0] == ids[1] && ids[1] != ids[2])
            let places = requests.compactMap { $0.field("apns-collapse-id") }
            #expect(places.count == 3 && places[0] == places[1] && places[1] != places[2])
        }
    }

    @Test func `each content has a name of its own on each device, and a repeat the same`() {
        func name(_ content: PushContent, _ number: UInt64) -> String {
            let address = PushAddress.apns(token: "a")
            let device = Device(
                id: DeviceID(high: 0, low: number), userID: UserID(high: 0, low: 9), address: address, name: nil, createdAt: Sample.start)
            return PushNotification.sample(content, to: address, badge: nil, at: Sample.start).uuid(of: device)
        }
        let contents: [PushContent] = [
            .message(.sample()), .message(.sample(id: 2)), .read,
            .read(PushRead(conversationID: .sample, lastReadSequence: 43)),
        ]
        let names = contents.flatMap { content in [1, 2].map { name(content, $0) } }
        #expect(Set(names).count == 8)
        #expect(name(contents[0], 1) == names[0])
    }

    @Test func `a summary takes the place of the conversation's last one`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send(.message(.sample(title: "Ada", text: "12 new messages", count: 12))).isAccepted)
            let request = try #require(scene.standIn.record.requests.first)
            #expect(request.field("apns-collapse-id") == ConversationID.sample.description)
            #expect(try request.json["count"] == .integer(12))
        }
    }

    @Test(arguments: [(nil, "New message", 1), (nil, "5 new messages", 5), ("Ada", "New message", 1)] as [(String?, String, Int)])
    func `where the text is not told, the alert is general and the app may fetch it`(title: String?, body: String, count: Int) async throws
    {
        try await APNsScene.run { scene in
            #expect(await scene.send(.message(.sample(title: title, text: nil, count: count))).isAccepted)
            let json = try #require(scene.standIn.record.requests.first).json
            #expect(json[["aps", "alert", "body"]] == .string(body))
            #expect(json[["aps", "alert", "title"]] == title.map(JSONValue.string))
            #expect(json[["aps", "mutable-content"]] == .integer(1))
        }
    }

    @Test func `the general alert is the app's own translation when it has one`() async throws {
        try await APNsScene.run({ $0.genericAlert.localizationKey = "NEW_MESSAGES" }) { scene in
            #expect(await scene.send(.message(.sample(title: nil, text: nil, count: 5))).isAccepted)
            let json = try #require(scene.standIn.record.requests.first).json
            #expect(json[["aps", "alert", "loc-key"]] == .string("NEW_MESSAGES"))
            #expect(json[["aps", "alert", "loc-args"]] == .array([.string("5")]))
            #expect(json[["aps", "alert", "body"]] == nil)
        }
    }

    @Test func `what was read elsewhere sets the badge without an alert, zero too`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send(.read, badge: 0).isAccepted)
            let request = try #require(scene.standIn.record.requests.first)
            #expect(request.field("apns-push-type") == "alert")
            #expect(request.field("apns-priority") == "5")
            let json = try request.json
            #expect(json["aps"] == .object(JSONObject(members: [("content-available", .integer(1)), ("badge", .integer(0))])))
            #expect(json["conversation_id"] == .string(ConversationID.sample.description))
            #expect(json["last_read_sequence"] == .integer(42))
        }
    }

    @Test func `without a number to show, it is a background notification`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send(.read, badge: nil).isAccepted)
            let request = try #require(scene.standIn.record.requests.first)
            #expect(request.field("apns-push-type") == "background")
            #expect(request.field("apns-priority") == "5")
            #expect(try request.json["aps"] == .object(JSONObject(members: [("content-available", .integer(1))])))
        }
    }

    @Test func `a badge that could not be counted is not told`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send(badge: nil).isAccepted)
            let json = try #require(scene.standIn.record.requests.first).json
            #expect(json[["aps", "badge"]] == nil)
        }
    }

    @Test(arguments: ["", "zz", "0a/../x", "0a 1b", String(repeating: "a", count: 401), "０a"])
    func `what cannot be a device's token goes nowhere`(token: String) async throws {
        try await APNsScene.run { scene in
            let answer = await scene.send(to: token)
            #expect(answer == .rejected(reason: "the device's token is not hexadecimal"))
            #expect(scene.standIn.record.requestCount == 0)
        }
    }

    @Test func `many at once share the connections`() async throws {
        try await APNsScene.run { scene in
            await withTaskGroup(of: PushAnswer.self) { group in
                for id in 1...400 { group.addTask { await scene.send(.message(.sample(id: UInt32(id)))) } }
                for await answer in group { #expect(answer.isAccepted) }
            }
            #expect(scene.standIn.record.acceptedCount == 400)
            #expect(scene.standIn.record.connectionCount <= 16)
            #expect(scene.bearers.count == 1)
        }
    }
}
