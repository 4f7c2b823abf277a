import ParleyModel
import ParleyPush
import Testing

@testable import ParleyBench

struct PushMeasurementTests {
    @Test func `what the stand-ins counted is read as they wrote it`() {
        var counts = PushStandInCounts()
        counts.add(.apns, accepted: 12, refusals: [])
        counts.add(.webpush, accepted: 3, refusals: ["410: the subscription has ended"])
        #expect(PushStandInCounts(json: counts.json) == counts)
        #expect(PushStandInCounts(json: "".utf8) == nil)
        #expect(PushStandInCounts(json: #"{"pigeon":{"accepted":1,"refusals":[]}}"#.utf8) == nil)
    }

    @Test(arguments: [(12, [], true), (11, [], false), (13, [], false), (12, ["BadDeviceToken"], false)])
    func `a run is only good when both sides counted the same and nothing was refused`(theirs: Int, refusals: [String], isGood: Bool) {
        let tally = PushTally()
        tally.add(.apns, 5)
        tally.add(.apns, 7)
        // The log has no other side.
        tally.add(.log, 100)
        var counts = PushStandInCounts()
        counts.add(.apns, accepted: theirs, refusals: refusals)
        let isTaken: Bool
        do {
            try tally.check(counts)
            isTaken = true
        } catch { isTaken = false }
        #expect(isTaken == isGood)
    }

    @Test func `latency is that of accepted notifications, from their message's creation, while it is measured`() throws {
        let meter = PushMeter()
        meter.queued(3)
        meter.heard(.accepted(id: nil), to: notification(createdAt: 1000), at: Timestamp(milliseconds: 9000))
        meter.beginMeasuring()
        meter.heard(.retry(after: nil, reason: "later"), to: notification(createdAt: 1000), at: Timestamp(milliseconds: 1001))
        #expect(try meter.open() == 2)
        meter.heard(.accepted(id: nil), to: notification(createdAt: 1000), at: Timestamp(milliseconds: 1020))
        meter.heard(.accepted(id: nil), to: notification(createdAt: 1000), at: Timestamp(milliseconds: 1020))
        let measured = meter.endMeasuring()
        #expect(measured.histogram.count == 2)
        #expect(measured.histogram.quantile(0.5) == 20_000_000)
        #expect(try meter.open() == 0)
        #expect(meter.accepted == 3)
    }

    @Test(arguments: [PushAnswer.rejected(reason: "too large"), .deviceGone(since: nil)])
    func `a refusal ends the run`(answer: PushAnswer) {
        let meter = PushMeter()
        meter.queued(1)
        meter.heard(answer, to: notification(createdAt: 0), at: Timestamp(milliseconds: 0))
        #expect(throws: BenchError.self) { try meter.open() }
    }

    @Test func `every user has one device, and is told in each kind of conversation`() {
        let sizes = PushSizes.quick
        let crowd = PushCrowd(.apns, sizes, large: sizes.largeRecipients, subscriptions: [])
        #expect(crowd.devices.count == sizes.largeRecipients)
        #expect(Set(crowd.devices.map(\.address)).count == crowd.devices.count)
        #expect(crowd.places[1]?.count == sizes.users)
        #expect(crowd.places[sizes.groupRecipients]?.map(\.recipients.count) == Array(repeating: 10, count: sizes.users / 10))
        #expect(crowd.places[sizes.largeRecipients]?.first?.recipients == crowd.devices.map(\.userID))
    }

    @Test func `a group beside a stall is half of each push service`() {
        let sizes = PushSizes.quick
        let crowd = PushCrowd(mixed: [.apns, .fcm], sizes)
        let kinds = Dictionary(uniqueKeysWithValues: crowd.devices.map { ($0.userID, $0.address.kind) })
        for place in crowd.places[sizes.groupRecipients] ?? [] {
            #expect(place.recipients.filter { kinds[$0] == .apns }.count == sizes.groupRecipients / 2)
            #expect(place.recipients.filter { kinds[$0] == .fcm }.count == sizes.groupRecipients / 2)
        }
    }

    private func notification(createdAt: Int64) -> PushNotification {
        let message = PushMessage(
            messageID: MessageID(high: 1, low: 2), conversationID: .random(), senderID: .random(), sequenceNumber: 1,
            createdAt: Timestamp(milliseconds: createdAt), title: nil, text: nil)
        return PushNotification(
            content: .message(message), recipientID: .random(), device: nil, badge: nil, expiresAt: Timestamp(milliseconds: 1 << 40))
    }
}
