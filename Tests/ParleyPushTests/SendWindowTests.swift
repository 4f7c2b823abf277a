import Synchronization
import Testing

@testable import ParleyPush

struct SendWindowTests {
    private let window = SendWindow(size: 2, patience: .seconds(3600))

    /// Without how long it has been so.
    private func name(_ turn: SendWindow.Turn) -> String {
        switch turn {
        case .granted: "granted"
        case .refused: "refused"
        case .cancelled: "cancelled"
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `as many as the window holds go at once, the next when one is back`() async {
        for _ in 1...2 { #expect(await window.take() == .granted) }
        let third = Task { await window.take() }
        await Task.yield()
        window.giveBack(isAnswered: true)
        #expect(await third.value == .granted)
    }

    @Test(.timeLimit(.minutes(1)))
    func `who waits is sent away when nothing is answered, and so is who comes then`() async {
        for _ in 1...2 { _ = await window.take() }
        let third = Task { await window.take() }
        while !window.isStalled {
            window.look(at: .now + .seconds(7200))
            await Task.yield()
        }
        #expect(name(await third.value) == "refused")
        #expect(name(await window.take()) == "refused")
    }

    @Test(.timeLimit(.minutes(1)))
    func `who comes when nothing was answered for as long as the patience does not wait for the next look`() async {
        let window = SendWindow(size: 2, patience: .zero)
        for _ in 1...2 { #expect(await window.take() == .granted) }
        #expect(name(await window.take()) == "refused")
        window.giveBack(isAnswered: true)
        #expect(await window.take() == .granted)
    }

    @Test(.timeLimit(.minutes(1)))
    func `an answer within the patience keeps the window open`() async {
        for _ in 1...2 { _ = await window.take() }
        let third = Task { await window.take() }
        while window.waitingCount == 0 { await Task.yield() }
        window.look(at: .now + .seconds(1800))
        #expect(!window.isStalled)
        window.giveBack(isAnswered: false)
        #expect(await third.value == .granted)
    }

    @Test(.timeLimit(.minutes(1)))
    func `while it stalls a few try, and the first real answer opens it`() async {
        let window = SendWindow(size: 10, patience: .seconds(3600))
        for _ in 1...10 { _ = await window.take() }
        let waiter = Task { await window.take() }
        while !window.isStalled {
            window.look(at: .now + .seconds(7200))
            await Task.yield()
        }
        _ = await waiter.value
        for _ in 1...9 { window.giveBack(isAnswered: false) }
        #expect(window.isStalled)
        #expect(await window.take() == .granted)
        #expect(name(await window.take()) == "refused")
        window.giveBack(isAnswered: true)
        #expect(!window.isStalled)
        for _ in 1...9 { #expect(await window.take() == .granted) }
    }

    @Test(.timeLimit(.minutes(1)))
    func `nobody waits for a provider that is slow, and there is room again when it is quick`() async {
        for _ in 1...2 { _ = await window.take() }
        let waiter = Task { await window.take() }
        while window.waitingCount == 0 { await Task.yield() }
        window.giveBack(isAnswered: true, after: .seconds(50_000))
        #expect(await waiter.value == .granted)
        #expect(name(await window.take()) == "refused")
        window.giveBack(isAnswered: true, after: .seconds(50_000))
        #expect(await window.take() == .granted)
        for _ in 1...50 {
            window.giveBack(isAnswered: true, after: .milliseconds(1))
            #expect(await window.take() == .granted)
        }
        let next = Task { await window.take() }
        while window.waitingCount == 0 { await Task.yield() }
        window.giveBack(isAnswered: true, after: .milliseconds(1))
        #expect(await next.value == .granted)
    }

    @Test(.timeLimit(.minutes(1)))
    func `who waits when a provider becomes slow is sent away`() async {
        let window = SendWindow(size: 2, patience: .seconds(3600))
        for _ in 1...2 { _ = await window.take() }
        let waiters = (1...2).map { _ in Task { await window.take() } }
        while window.waitingCount < 2 { await Task.yield() }
        window.giveBack(isAnswered: true, after: .seconds(50_000))
        window.look()
        let turns = [name(await waiters[0].value), name(await waiters[1].value)].sorted()
        #expect(turns == ["granted", "refused"])
        #expect(!window.isStalled)
    }

    @Test(.timeLimit(.minutes(1)))
    func `cancellation ends a wait`() async {
        for _ in 1...2 { _ = await window.take() }
        let third = Task { await window.take() }
        third.cancel()
        #expect(await third.value == .cancelled)
        window.giveBack(isAnswered: true)
        #expect(await window.take() == .granted)
    }
}
