import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

struct InProcessPresenceTests {
    @Test func `the table of last-seen times is bounded, and the latest to leave stay known (P8)`() async throws {
        let presence = InProcessPresence(maxLastSeen: 100)
        let users = Sample.users(1000)
        for (second, user) in users.enumerated() {
            await presence.arrived(user)
            await presence.left(user, at: Sample.time(Double(second)))
        }
        var known: [Int] = []
        for (second, user) in users.enumerated() where try await presence.state(of: user).lastSeenAt != nil { known.append(second) }
        #expect(known.count <= 100)
        #expect(Set(known).isSuperset(of: 950..<1000))
    }
}
