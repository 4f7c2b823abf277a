public import ParleyCore
public import ParleyModel
import Synchronization

/// A bus as bad as an at-most-once bus may be: it drops events, repeats them, delays them and changes their order, by
/// seed. For a test to be worth anything the users of the bus must not notice.
public final class HostileEventBus: EventBus {
    /// How often what happens, in percent of the events.
    public struct Faults: Sendable {
        public var dropped = 15
        public var repeated = 10
        public var delayed = 30

        public init() {}
    }

    private struct State {
        var random: SeededGenerator
        var sinks: [any EventSink] = []
        /// Held back; some of them leave with each later publish, in any order.
        var held: [BusEvent] = []
    }

    private let state: Mutex<State>
    private let faults: Faults
    /// Which events may suffer; the others pass.
    private let isFair: @Sendable (BusEvent) -> Bool

    /// `isFair` names the events that are told faithfully.
    public init(seed: UInt64, faults: Faults = .init(), isFair: @escaping @Sendable (BusEvent) -> Bool = { _ in false }) {
        state = Mutex(State(random: SeededGenerator(seed: seed)))
        self.faults = faults
        self.isFair = isFair
    }

    @discardableResult
    public func publish(_ events: [BusEvent]) async -> Bool {
        let (sinks, told) = state.withLock { state in
            (state.sinks, events.flatMap { Self.fate(of: $0, &state, faults, isFair) } + Self.released(&state))
        }
        for sink in sinks where !told.isEmpty { sink.receive(told) }
        // What it loses it does not know of.
        return true
    }

    private static func fate(
        of event: BusEvent, _ state: inout State, _ faults: Faults, _ isFair: (BusEvent) -> Bool
    ) -> [BusEvent] {
        if isFair(event) { return [event] }
        let lot = state.random.number(0...99)
        if lot < faults.dropped { return [] }
        if lot < faults.dropped + faults.repeated {
            state.held.append(event)
            return [event, event]
        }
        if lot < faults.dropped + faults.repeated + faults.delayed {
            state.held.append(event)
            return []
        }
        return [event]
    }

    private static func released(_ state: inout State) -> [BusEvent] {
        state.held.shuffle(using: &state.random)
        let count = state.held.isEmpty ? 0 : state.random.number(0...min(4, state.held.count))
        defer { state.held.removeFirst(count) }
        return Array(state.held.prefix(count))
    }

    public func attach(_ sink: any EventSink) {
        state.withLock { $0.sinks.append(sink) }
    }

    public func subscribe(_ conversations: [ConversationID]) {}

    public func unsubscribe(_ conversations: [ConversationID]) {}
}
