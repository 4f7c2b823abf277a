import Foundation
import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyMongo
import ParleyTesting
import Testing

/// Not a promise but a number for docs/PERFORMANCE.md: `PARLEY_MEASURE=1 swift test --filter MongoSpeedTests`.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["PARLEY_MEASURE"] != nil))
struct MongoSpeedTests {
    @Test(arguments: [
        ("one by one, 1 task", 1, 400, 1, 1), ("one by one, 8 tasks, 8 conversations", 8, 300, 1, 8),
        ("one by one, 8 tasks, 1 conversation", 8, 100, 1, 1),
        ("batches of 100, 1 task, 1 conversation", 1, 200, 100, 1), ("batches of 100, 1 task, 100 conversations", 1, 200, 100, 100),
        ("batches of 100, 4 tasks, 400 conversations", 4, 100, 100, 400),
    ])
    func `appends`(name: String, tasks: Int, appends: Int, batch: Int, conversations: Int) async throws {
        try await withMongo { database, _ in
            let store = MongoMessageStore.node(database)
            let user = UserID.random()
            let all = (0..<conversations).map { _ in ConversationID.random() }
            let ids = MessageIDGenerator()
            let start = ContinuousClock.now
            _ = try await concurrently(tasks) { task in
                for number in 0..<appends {
                    let drafts = (0..<batch).map { place in
                        NewMessage(
                            id: ids.next(at: Sample.start), conversationID: all[(task + tasks * (number + place)) % conversations],
                            senderID: user, clientMessageID: "\(task) \(number) \(place)", messageType: .text,
                            content: "A message of the usual length, in one line", mediaIDs: [], createdAt: Sample.start, preview: "")
                    }
                    _ = try await store.append(drafts)
                }
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            print("\(name): \(Int(Double(tasks * appends * batch) / seconds)) messages/s")
        }
    }
}
