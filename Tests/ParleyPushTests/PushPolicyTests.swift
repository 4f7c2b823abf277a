import ParleyCore
import ParleyModel
import ParleyPush
import Testing

struct PolicyCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var standing: PushStanding? = PushStanding(lastReadSequence: 4, mute: .off)
    var isSender = false
    var isOnline = false
    var sequenceNumber: Int64? = 5
    let decision: PushDecision

    static let now = Timestamp(milliseconds: 1_000_000)

    /// Message 5 for a participant who has read up to 4, except for what each case says.
    static let table = [
        PolicyCase(testDescription: "offline and unread", decision: .send),
        PolicyCase(testDescription: "no participant", standing: nil, decision: .drop(.notAParticipant)),
        PolicyCase(testDescription: "the sender", isSender: true, decision: .drop(.sender)),
        PolicyCase(testDescription: "read up to it", standing: read(5), decision: .drop(.alreadyRead)),
        PolicyCase(testDescription: "read past it", standing: read(9), decision: .drop(.alreadyRead)),
        PolicyCase(
            testDescription: "read far, but it is not known which message this is", standing: read(.max), sequenceNumber: nil,
            decision: .send),
        PolicyCase(testDescription: "muted for ever", standing: muted(.forever), decision: .drop(.muted)),
        PolicyCase(
            testDescription: "muted for another millisecond", standing: muted(.until(Timestamp(milliseconds: 1_000_001))),
            decision: .drop(.muted)),
        PolicyCase(testDescription: "a mute that ends now", standing: muted(.until(now)), decision: .send),
        PolicyCase(testDescription: "online", isOnline: true, decision: .drop(.online)),
        PolicyCase(
            testDescription: "no participant comes before all else", standing: nil, isSender: true, isOnline: true,
            decision: .drop(.notAParticipant)),
        PolicyCase(
            testDescription: "the sender comes before read", standing: PushStanding(lastReadSequence: 5, mute: .forever),
            isSender: true, isOnline: true, decision: .drop(.sender)),
        PolicyCase(
            testDescription: "read comes before muted", standing: PushStanding(lastReadSequence: 5, mute: .forever),
            isOnline: true, decision: .drop(.alreadyRead)),
        PolicyCase(
            testDescription: "muted comes before online", standing: muted(.forever), isOnline: true, decision: .drop(.muted)),
    ]

    private static func read(_ sequenceNumber: Int64) -> PushStanding {
        PushStanding(lastReadSequence: sequenceNumber, mute: .off)
    }
    private static func muted(_ mute: Mute) -> PushStanding { PushStanding(lastReadSequence: 4, mute: mute) }
}

@Test(arguments: PolicyCase.table)
func `the policy decides as its table says`(_ row: PolicyCase) {
    let facts = PushFacts(
        standing: row.standing, isSender: row.isSender, isOnline: row.isOnline, sequenceNumber: row.sequenceNumber,
        now: PolicyCase.now)
    #expect(PushPolicy.decide(facts) == row.decision)
}
