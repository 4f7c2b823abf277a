import ParleyCore
import Testing

/// Each sleep would outlast the time limit if it were not ended.
@Suite(.timeLimit(.minutes(1)))
struct WakeSignalTests {
    let signal = WakeSignal()

    @Test func `a wake before the sleep ends it at once`() async {
        signal.wake()
        await signal.sleepUntilWoken(atMostSeconds: 3600)
    }

    @Test func `a wake during the sleep ends it`() async {
        async let sleep: Void = signal.sleepUntilWoken(atMostSeconds: 3600)
        signal.wake()
        await sleep
    }

    @Test func `a sleep without a limit ends with a wake, a stop or a cancellation`() async {
        async let woken: Void = signal.sleepUntilWoken()
        signal.wake()
        await woken
        let cancelled = Task { await signal.sleepUntilWoken() }
        cancelled.cancel()
        await cancelled.value
        async let stopped: Void = signal.sleepUntilWoken()
        signal.stop()
        await stopped
    }

    @Test func `what runs until shutdown finds the signal stopped when its task is cancelled`() async {
        let running = Task {
            await signal.stoppingAtShutdown {
                while !signal.isStopped { await signal.sleep(seconds: 3600) }
            }
        }
        running.cancel()
        await running.value
        #expect(signal.isStopped)
    }

    @Test func `a stop ends both kinds of sleep, also the later ones`() async {
        async let sleep: Void = signal.sleep(seconds: 3600)
        signal.stop()
        await sleep
        await signal.sleep(seconds: 3600)
        await signal.sleepUntilWoken(atMostSeconds: 3600)
        #expect(signal.isStopped)
    }

    @Test func `a pause outlasts wakes, which end the next sleep`() async {
        signal.wake()
        let clock = ContinuousClock()
        let start = clock.now
        await signal.sleep(seconds: 0.05)
        #expect(clock.now - start >= .seconds(0.05))
        await signal.sleepUntilWoken(atMostSeconds: 3600)
    }

    @Test func `one wake ends one sleep`() async {
        signal.wake()
        await signal.sleepUntilWoken(atMostSeconds: 3600)
        let clock = ContinuousClock()
        let start = clock.now
        await signal.sleepUntilWoken(atMostSeconds: 0.05)
        #expect(clock.now - start >= .seconds(0.05))
    }
}
