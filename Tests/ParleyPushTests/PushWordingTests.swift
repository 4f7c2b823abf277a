import ParleyModel
import Testing

@testable import ParleyPush

struct PushWordingTests {
    @Test(
        arguments: [
            (PushPrivacy.full, 1, "Ada", "Hello"), (.full, 12, "Ada", "12 new messages"), (.sender, 1, "Ada", "New message"),
            (.sender, 12, "Ada", "12 new messages"), (.ids, 1, nil, nil), (.ids, 12, nil, nil),
        ] as [(PushPrivacy, Int, String?, String?)])
    func `push services are told what privacy allows`(privacy: PushPrivacy, count: Int, title: String?, text: String?) {
        let wording = PushWording(privacy, senderName: "Ada", preview: "Hello", count: count)
        #expect(wording.title == title)
        #expect(wording.text == text)
    }

    @Test func `a sender without name is not named`() {
        #expect(PushWording(.full, senderName: nil, preview: "Hello", count: 1).title == nil)
    }

    @Test func `the stricter of two holds`() {
        let order = [PushPrivacy.full, .sender, .ids]
        for (place, one) in order.enumerated() {
            #expect(one.stricter(nil) == one)
            for (otherPlace, other) in order.enumerated() { #expect(one.stricter(other) == order[max(place, otherPlace)]) }
        }
    }
}
