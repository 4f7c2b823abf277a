import NIOCore
import ParleyModel

/// One message a second in each of many conversations, at times that do not depend on how fast anything is; the latency of
/// a receipt counts from the time at which the message was to be sent.
final class OpenLoopRun: SocketRun {
    /// How the crowd's sockets are spread over conversations: the first of each sends.
    struct Conversations: Sendable {
        let ids: [ConversationID]
        let participants: Int
        /// The number of each conversation's last message before.
        let position: Int64
    }

    let outcome: EventLoopPromise<LoadSample>
    private let crowd: SocketCrowd
    private let conversations: Conversations
    private let commands: [SendCommand]
    private let schedule: OpenLoopSchedule
    private let warmUpRounds: Int
    private let rounds: Int
    private var numbers: CountingNumbers
    private var start = NIODeadline.now()
    private var sent = 0
    private var remaining: Int
    private var histogram = LatencyHistogram()

    private static let interval = TimeAmount.milliseconds(1)

    init(_ conversations: Conversations, warmUpRounds: Int, rounds: Int, numbers: CountingNumbers, _ crowd: SocketCrowd) {
        self.crowd = crowd
        self.conversations = conversations
        self.warmUpRounds = warmUpRounds
        self.rounds = warmUpRounds + rounds
        self.numbers = numbers
        commands = conversations.ids.map { SendCommand(in: $0, content: BenchText.message) }
        schedule = OpenLoopSchedule(conversations: conversations.ids.count)
        remaining = conversations.ids.count * conversations.participants * self.rounds
        outcome = crowd.eventLoop.makePromise()
    }

    func begin() {
        start = .now()
        sendDue()
    }

    private func sendDue() {
        guard crowd.failure == nil else { return }
        let all = rounds * schedule.conversations
        let due = min(schedule.due(after: .now() - start), all)
        while sent < due {
            let conversation = schedule.place(of: sent).conversation
            var buffer = ByteBuffer()
            commands[conversation].write(number: numbers.take(), into: &buffer)
            crowd.receivers[conversation * conversations.participants].write(buffer)
            sent += 1
        }
        if sent < all { crowd.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { self.sendDue() } }
    }

    func received(_ number: Int64, by receiver: SocketReceiver) {
        remaining -= 1
        let (conversation, participant) = receiver.place.quotientAndRemainder(dividingBy: conversations.participants)
        let round = Int(number - conversations.position) - 1
        // The sender knows its message already.
        if participant > 0, round >= warmUpRounds {
            let due = start + schedule.time(of: round, in: conversation)
            histogram.record(nanoseconds: (NIODeadline.now() - due).nanoseconds)
        }
        if remaining == 0 { finish() }
    }

    private func finish() {
        // The rate is what was asked for, over the seconds that were measured.
        outcome.succeed(LoadSample(histogram: histogram, seconds: Double(rounds - warmUpRounds), answers: histogram.count))
    }

    var missing: String { "\(remaining) receipts were missing" }
}
