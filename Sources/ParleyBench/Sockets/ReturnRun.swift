import NIOCore
import ParleyModel

/// The server goes away and comes back. Every socket reconnects, each after delays of its own, and resumes from where it
/// stood; whoever sends in a conversation sends one more message as soon as it is back, so that some of the others hear
/// of it live and some catch up with it. Over when everybody is back and has it.
final class ReturnRun: SocketRun {
    struct Return: Sendable {
        /// When the last one was back.
        let lastAt: NIODeadline
        /// How often the server, while it was busy, told one to come back later, by close code.
        let turnedAway: [UInt16: Int]
    }

    let outcome: EventLoopPromise<Return>
    private let crowd: SocketCrowd
    private let conversations: OpenLoopRun.Conversations
    private let backoff: Backoff
    private var numbers: CountingNumbers
    private var attempts: [Int]
    private var isBack: [Bool]
    private var backCount = 0
    private var turnedAway: [UInt16: Int] = [:]

    init(_ conversations: OpenLoopRun.Conversations, backoff: Backoff, numbers: CountingNumbers, _ crowd: SocketCrowd) {
        self.crowd = crowd
        self.conversations = conversations
        self.backoff = backoff
        self.numbers = numbers
        attempts = Array(repeating: 0, count: crowd.receivers.count)
        isBack = Array(repeating: false, count: crowd.receivers.count)
        outcome = crowd.eventLoop.makePromise()
    }

    func begin() {}

    func accepts(lossOf receiver: SocketReceiver) -> Bool {
        let delay = backoff.delay(before: attempts[receiver.place])
        attempts[receiver.place] += 1
        crowd.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            if self.crowd.failure == nil { self.crowd.open(receiver) }
        }
        return true
    }

    func accepts(turningAway receiver: SocketReceiver, _ code: UInt16) -> Bool {
        turnedAway[code, default: 0] += 1
        return true
    }

    func ready(_ receiver: SocketReceiver) {
        let (conversation, participant) = receiver.place.quotientAndRemainder(dividingBy: conversations.participants)
        if participant == 0, receiver.position == conversations.position {
            var buffer = ByteBuffer()
            SendCommand(in: conversations.ids[conversation], content: BenchText.message).write(number: numbers.take(), into: &buffer)
            receiver.write(buffer)
        }
        noteIfBack(receiver)
    }

    func received(_ number: Int64, by receiver: SocketReceiver) {
        noteIfBack(receiver)
    }

    private func noteIfBack(_ receiver: SocketReceiver) {
        guard !isBack[receiver.place], receiver.isReady, receiver.position > conversations.position else { return }
        isBack[receiver.place] = true
        backCount += 1
        if backCount == isBack.count { outcome.succeed(Return(lastAt: .now(), turnedAway: turnedAway)) }
    }

    var missing: String { "\(isBack.count - backCount) of \(isBack.count) sockets had not come back and caught up" }
}
