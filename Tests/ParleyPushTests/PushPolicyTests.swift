import ParleyCore
import ParleyModel
import ParleyPush
import Testing

struct PolicyCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var standing: PushStanding? = PushStanding(lastReadSequence: 4, mute: .off)
    var settings = NotificationSettings.unsaid
    var isSender = false
    var isAttended = false
    var sequenceNumber: Int64? = 5
    var expiresAt = Timestamp(milliseconds: 1_000_001)
    var isMention: Bool?
    var isBlocked: Bool?
    var isDeleted: Bool?
    let decision: PushDecision

    /// 00:16:40 in UTC.
    static let now = Timestamp(milliseconds: 1_000_000)

    /// Message 5 for a participant who has read up to 4, except for what each case says.
    static let table = [
        PolicyCase(testDescription: "offline and unread", decision: .send),
        PolicyCase(testDescription: "no participant", standing: nil, decision: .drop(.notAParticipant)),
        PolicyCase(testDescription: "the recipient has blocked the sender", isBlocked: true, decision: .drop(.blocked)),
        PolicyCase(testDescription: "the recipient has not blocked the sender", isBlocked: false, decision: .send),
        PolicyCase(testDescription: "the sender", isSender: true, decision: .drop(.sender)),
        PolicyCase(testDescription: "the message was deleted", isDeleted: true, decision: .drop(.deleted)),
        PolicyCase(testDescription: "the message was not deleted", isDeleted: false, decision: .send),
        PolicyCase(testDescription: "read up to it", standing: read(5), decision: .drop(.alreadyRead)),
        PolicyCase(testDescription: "read past it", standing: read(9), decision: .drop(.alreadyRead)),
        PolicyCase(
            testDescription: "read far, but it is not known which message this is", standing: read(.max), sequenceNumber: nil,
            decision: .send),
        PolicyCase(testDescription: "expires now", expiresAt: now, decision: .drop(.expired)),
        PolicyCase(testDescription: "expires in a millisecond", decision: .send),
        PolicyCase(testDescription: "wants no alerts", standing: level(.none), isMention: true, decision: .drop(.level)),
        PolicyCase(testDescription: "wants mentions, and is mentioned", standing: level(.mentions), isMention: true, decision: .send),
        PolicyCase(
            testDescription: "wants mentions, and is not mentioned", standing: level(.mentions), isMention: false, decision: .drop(.level)),
        PolicyCase(testDescription: "wants mentions, of which nothing is known", standing: level(.mentions), decision: .drop(.level)),
        PolicyCase(testDescription: "wants all, and is not mentioned", isMention: false, decision: .send),
        PolicyCase(testDescription: "muted for ever", standing: muted(.forever), decision: .drop(.muted)),
        PolicyCase(
            testDescription: "muted for another millisecond", standing: muted(.until(Timestamp(milliseconds: 1_000_001))),
            decision: .drop(.muted)),
        PolicyCase(testDescription: "a mute that ends now", standing: muted(.until(now)), decision: .send),
        PolicyCase(testDescription: "quiet hours", settings: quiet("UTC", 10, 20), decision: .drop(.quietHours)),
        PolicyCase(testDescription: "quiet hours elsewhere", settings: quiet("Europe/Berlin", 10, 20), decision: .send),
        PolicyCase(testDescription: "quiet hours here", settings: quiet("Europe/Berlin", 70, 80), decision: .drop(.quietHours)),
        PolicyCase(testDescription: "a time zone nobody knows is UTC", settings: quiet("Moon/Base", 10, 20), decision: .drop(.quietHours)),
        PolicyCase(testDescription: "at a connection", isAttended: true, decision: .drop(.attended)),
        PolicyCase(
            testDescription: "no participant comes before all else", standing: nil, isSender: true, isAttended: true, isBlocked: true,
            decision: .drop(.notAParticipant)),
        PolicyCase(testDescription: "blocked comes before the sender", isSender: true, isBlocked: true, decision: .drop(.blocked)),
        PolicyCase(testDescription: "the sender comes before deleted", isSender: true, isDeleted: true, decision: .drop(.sender)),
        PolicyCase(testDescription: "deleted comes before read", standing: read(5), isDeleted: true, decision: .drop(.deleted)),
        PolicyCase(testDescription: "read comes before expired", standing: read(5), expiresAt: now, decision: .drop(.alreadyRead)),
        PolicyCase(testDescription: "expired comes before the level", standing: level(.none), expiresAt: now, decision: .drop(.expired)),
        PolicyCase(
            testDescription: "the level comes before muted",
            standing: PushStanding(lastReadSequence: 4, mute: .forever, level: .none), decision: .drop(.level)),
        PolicyCase(
            testDescription: "muted comes before quiet hours", standing: muted(.forever), settings: quiet("UTC", 0, 0),
            decision: .drop(.muted)),
        PolicyCase(
            testDescription: "quiet hours come before attended", settings: quiet("UTC", 0, 0), isAttended: true,
            decision: .drop(.quietHours)),
    ]

    private static func read(_ sequenceNumber: Int64) -> PushStanding {
        PushStanding(lastReadSequence: sequenceNumber, mute: .off)
    }
    private static func muted(_ mute: Mute) -> PushStanding { PushStanding(lastReadSequence: 4, mute: mute) }
    private static func level(_ level: NotificationLevel) -> PushStanding {
        PushStanding(lastReadSequence: 4, mute: .off, level: level)
    }
    private static func quiet(_ timeZone: String, _ from: Int, _ to: Int) -> NotificationSettings {
        NotificationSettings(displayName: nil, timeZone: timeZone, quietHours: QuietHours(from: from, to: to), privacy: nil)
    }
}

@Test(arguments: PolicyCase.table)
func `the policy decides as its table says`(_ row: PolicyCase) {
    let facts = PushFacts(
        standing: row.standing, settings: row.settings, isSender: row.isSender, isAttended: row.isAttended,
        sequenceNumber: row.sequenceNumber, expiresAt: row.expiresAt, isMention: row.isMention, isBlocked: row.isBlocked,
        isDeleted: row.isDeleted, now: PolicyCase.now)
    #expect(PushPolicy.decide(facts) == row.decision)
}

@Test func `the table has a case for each reason of the policy`() {
    let decisions = PolicyCase.table.map(\.decision)
    for reason in DropReason.allCases where ![.noDevice, .noProvider, .alreadySent].contains(reason) {
        #expect(decisions.contains(.drop(reason)), "\(reason)")
    }
}
