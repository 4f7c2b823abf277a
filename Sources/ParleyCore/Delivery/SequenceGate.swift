/// Puts one conversation's events in order although the bus may lose, repeat and reorder them: as values, an event's
/// number in, what to do out.
///
/// `head` only ever grows by one, so whoever is handed what passes sees 1, 2, 3, … without gap and without repeat (P6).
public struct SequenceGate<Event> {
    public enum Verdict: Equatable, Sendable {
        /// It is the next one; ``head`` stands at it now. Ask ``next()`` for those that were waiting for it.
        case passes
        /// It passed before.
        case repeated
        /// Something before it is missing.
        case early
    }

    /// The last number that passed.
    public private(set) var head: Int64
    /// The highest number that is known to exist.
    public private(set) var newest: Int64
    /// Nil while nothing waits, which is nearly always.
    private var held: [Int64: Event]?
    private let maxHeld: Int

    public init(head: Int64, maxHeld: Int = 256) {
        self.head = head
        newest = head
        self.maxHeld = maxHeld
    }

    /// Whether something that exists has not passed yet.
    public var hasGap: Bool { newest > head }

    /// Takes an event. An early one is held, up to a bound; what does not fit is read from the store like what was lost.
    public mutating func receive(_ number: Int64, _ event: @autoclosure () -> Event) -> Verdict {
        if number == head + 1 {
            head = number
            newest = max(newest, number)
            return .passes
        }
        if number <= head { return .repeated }
        newest = max(newest, number)
        if held == nil { held = [:] }
        if (held?.count ?? 0) < maxHeld { held?[number] = event() }
        return .early
    }

    /// The next event that was held and may pass now.
    public mutating func next() -> (number: Int64, event: Event)? {
        guard held != nil, let event = held?.removeValue(forKey: head + 1) else {
            dropStale()
            return nil
        }
        head += 1
        if held?.isEmpty == true { held = nil }
        return (head, event)
    }

    /// Messages up to this number exist.
    public mutating func learn(_ number: Int64) {
        newest = max(newest, number)
    }

    private mutating func dropStale() {
        guard let waiting = held else { return }
        let left = waiting.filter { $0.key > head }
        held = left.isEmpty ? nil : left
    }
}
