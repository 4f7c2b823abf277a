import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyCore

/// P7 on a bus that loses events: which departures a look finds.
struct LostDeparturesTests {
    @Test func `a departure is found for as long as its own time may be late, and then no more`() async throws {
        let log = SomeDepartures([Self.departure(1, at: 100)])
        var lost = LostDepartures(log, from: Sample.time(99))
        for second in [101.0, 105, 111] { #expect(try await lost.look(at: Sample.time(second)).count == 1) }
        #expect(try await lost.look(at: Sample.time(112)).isEmpty)
    }

    @Test func `a look that fails is made up for by the next`() async throws {
        let log = SomeDepartures([Self.departure(1, at: 100)])
        var lost = LostDepartures(log, from: Sample.time(99))
        log.isDown.withLock { $0 = true }
        for second in [101.0, 200] {
            await #expect(throws: StoreError.self) { try await lost.look(at: Sample.time(second)) }
        }
        log.isDown.withLock { $0 = false }
        #expect(try await lost.look(at: Sample.time(300)).count == 1)
        #expect(try await lost.look(at: Sample.time(301)).isEmpty)
    }

    @Test func `one look reads so many pages and no more, and the next goes on behind them`() async throws {
        let all = (0..<25_000).map { Self.departure(UInt64($0) + 1, at: 100) }
        let log = SomeDepartures(all)
        var lost = LostDepartures(log, from: Sample.time(99))
        var found: [Departure] = []
        for look in 1...3 {
            found += try await lost.look(at: Sample.time(200 + Double(look)))
            #expect(log.questions.withLock { $0 } <= look * LostDepartures.pagesPerLook)
        }
        #expect(found == all)
        #expect(try await lost.look(at: Sample.time(204)).isEmpty)
    }

    private static func departure(_ user: UInt64, at seconds: Double) -> Departure {
        Departure(
            userID: UserID(high: 0, low: user), conversationID: ConversationID(high: 0, low: 1), leftAt: Sample.time(seconds))
    }
}

/// Departures in the order in which they are given.
private final class SomeDepartures: DepartureLog {
    private let all: [Departure]
    let isDown = Mutex(false)
    let questions = Mutex(0)

    init(_ all: [Departure]) { self.all = all }

    func departures(since time: Timestamp, after last: Departure?, limit: Int) async throws(StoreError) -> [Departure] {
        if isDown.withLock({ $0 }) { throw .unavailable("down") }
        questions.withLock { $0 += 1 }
        let start = last.flatMap { all.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
        return Array(all[start...].filter { $0.leftAt >= time }.prefix(limit))
    }
}
