import ParleyModel
import ParleyPush
import Testing

@testable import ParleyWebPush

/// What an answer shows of its push service.
struct WebPushVerdictTests {
    static let outcomes: [(status: Int, outcome: OriginTable.Outcome, doubtsToken: Bool)] = [
        (201, .answered, false), (400, .answered, false), (404, .answered, false), (410, .answered, false), (413, .answered, false),
        (401, .answered, true), (403, .answered, true), (429, .busy, false), (408, .failed(after: 30), false),
        (301, .failed(after: 30), false), (500, .failed(after: 30), false), (502, .failed(after: 30), false),
        (503, .failed(after: 30), false), (504, .failed(after: 30), false),
    ]

    @Test(arguments: outcomes)
    func `each status says how the push service is, and for how long it wants to be left alone`(
        status: Int, outcome: OriginTable.Outcome, doubtsToken: Bool
    ) {
        let answer = PushConnections.Answer(status: status, location: nil, retryAfter: "30", text: "")
        let verdict = WebPushVerdict.of(answer, at: Timestamp(milliseconds: 0), hiding: "")
        #expect(verdict.outcome == outcome)
        #expect(verdict.doubtsToken == doubtsToken)
    }
}
