import ParleyCore
import ParleyModel
import Synchronization

/// Lets requests through as ``OriginTable`` decides, and makes the others wait for their turn, in their order and not for long.
final class OriginGate: Sendable {
    fileprivate typealias Ticket = OriginTable.Ticket
    typealias Admission = OriginTable.Admission

    fileprivate enum Waiter {
        case asleep(CheckedContinuation<Admission, Never>)
        /// The decision was faster than the waiting.
        case decided(Admission)
    }

    fileprivate struct State {
        var table: OriginTable
        var waiters: [Ticket: Waiter] = [:]
    }

    private let limits: WebPushLimits
    private let time: any TimeSource
    /// Held for the table's decisions, never while something waits.
    private let state: Mutex<State>

    init(_ limits: WebPushLimits, time: any TimeSource) {
        self.limits = limits
        self.time = time
        state = Mutex(State(table: OriginTable(limits)))
    }

    /// Every `admitted` needs a ``leave(_:_:)``.
    func enter(_ origin: String) async -> Admission {
        switch state.withLock({ $0.table.enter(origin, at: time.now()) }) {
        case .decided(let admission): return admission
        case .queued(let ticket): return await wait(ticket, origin)
        }
    }

    func leave(_ origin: String, _ outcome: OriginTable.Outcome) {
        let sleepers = state.withLock { state in
            state.table.leave(origin, outcome, at: time.now()).compactMap { state.settle($0, $1) }
        }
        for (sleeper, admission) in sleepers { sleeper.resume(returning: admission) }
    }

    private func wait(_ ticket: Ticket, _ origin: String) async -> Admission {
        await withTaskGroup(of: Void.self) { group in
            // A cancelled sleep ends at once, and so does the waiting.
            group.addTask { [limits] in
                try? await Task.sleep(for: .seconds(limits.waitingSeconds))
                self.giveUp(ticket, origin)
            }
            let admission = await withCheckedContinuation { continuation in
                let decided = state.withLock { $0.sleep(ticket, continuation) }
                if let decided { continuation.resume(returning: decided) }
            }
            group.cancelAll()
            return admission
        }
    }

    private func giveUp(_ ticket: Ticket, _ origin: String) {
        let refused = Admission.refused(after: limits.fullSeconds)
        let sleeper = state.withLock { state in state.table.giveUp(ticket, origin) ? state.settle(ticket, refused) : nil }
        sleeper?.0.resume(returning: refused)
    }
}

extension OriginGate.State {
    /// Who is to be told, if they wait already.
    fileprivate mutating func settle(_ ticket: OriginTable.Ticket, _ admission: OriginTable.Admission)
        -> (CheckedContinuation<OriginTable.Admission, Never>, OriginTable.Admission)?
    {
        guard case .asleep(let sleeper)? = waiters.removeValue(forKey: ticket) else {
            waiters[ticket] = .decided(admission)
            return nil
        }
        return (sleeper, admission)
    }

    fileprivate mutating func sleep(_ ticket: OriginTable.Ticket, _ sleeper: CheckedContinuation<OriginTable.Admission, Never>)
        -> OriginTable.Admission?
    {
        if case .decided(let admission)? = waiters.removeValue(forKey: ticket) { return admission }
        waiters[ticket] = .asleep(sleeper)
        return nil
    }
}
