import NIOCore

/// Sockets that did not read begin to, until they have received as much as another one.
final class CatchUpRun: SocketRun {
    let outcome: EventLoopPromise<Void>
    private let crowd: SocketCrowd
    private let places: Range<Int>
    private let target: Int64

    init(_ places: Range<Int>, as place: Int, _ crowd: SocketCrowd) {
        self.crowd = crowd
        self.places = places
        target = crowd.receivers[place].position
        outcome = crowd.eventLoop.makePromise()
    }

    func begin() {
        for place in places { crowd.receivers[place].setReading(true) }
        finishIfDone()
    }

    func received(_ number: Int64, by receiver: SocketReceiver) {
        if number >= target { finishIfDone() }
    }

    private func finishIfDone() {
        if behind == 0 { outcome.succeed() }
    }

    private var behind: Int { places.filter { crowd.receivers[$0].position < target }.count }

    var missing: String { "\(behind) of \(places.count) slow readers had not caught up" }
}
