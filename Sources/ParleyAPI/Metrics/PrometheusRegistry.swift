public import CoreMetrics
import Synchronization

/// Keeps what is measured through swift-metrics and writes it as Prometheus text (exposition format 0.0.4).
///
/// Timers become histograms in seconds, aggregating recorders histograms of their values. The bounds are fixed: those of timers
/// go up to ten seconds, or, where a timer prefers to be shown in seconds or more, up to an hour.
/// Instruments are made once and live as long as the process, so that nothing is looked up while a request is answered.
public final class PrometheusRegistry: MetricsFactory {
    private struct Key: Hashable {
        let label: String
        let dimensions: [String]
    }

    private let instruments = Mutex<[Key: any Instrument]>([:])

    public init() {}

    /// All instruments, sorted by name.
    public func text() -> String {
        let families = Dictionary(grouping: instruments.withLock { Array($0) }, by: \.key.label).sorted { $0.key < $1.key }
        var text = ""
        for (label, members) in families {
            guard let kind = members.first?.value.kind else { continue }
            text += "# TYPE \(label) \(kind)\n"
            for (key, instrument) in members.sorted(by: { $0.key.dimensions.lexicographicallyPrecedes($1.key.dimensions) }) {
                instrument.write(to: &text, label: label, dimensions: key.dimensions)
            }
        }
        return text
    }

    private func instrument<Made: Instrument>(_ label: String, _ dimensions: [(String, String)], _ make: () -> Made) -> Made {
        let key = Key(label: label, dimensions: dimensions.map { "\($0)=\"\(Self.escaped($1))\"" })
        return instruments.withLock { instruments in
            if let known = instruments[key] as? Made { return known }
            let made = make()
            instruments[key] = made
            return made
        }
    }

    private static func escaped(_ value: String) -> String {
        String(value.flatMap { $0 == "\"" || $0 == "\\" ? "\\\($0)" : $0 == "\n" ? "\\n" : "\($0)" })
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        instrument(label, dimensions) { CounterInstrument() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate
            ? instrument(label, dimensions) { HistogramInstrument(bounds: HistogramInstrument.sizes, scale: 1) }
            : instrument(label, dimensions) { GaugeInstrument() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(label, dimensions) { GaugeInstrument() }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        instrument(label, dimensions) { HistogramInstrument(bounds: HistogramInstrument.seconds, scale: 1e-9) }
    }

    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}
}

private protocol Instrument: AnyObject, Sendable {
    var kind: String { get }
    func write(to text: inout String, label: String, dimensions: [String])
}

extension Instrument {
    func line(_ text: inout String, _ name: String, _ dimensions: [String], _ value: some CustomStringConvertible) {
        text += dimensions.isEmpty ? "\(name) \(value)\n" : "\(name){\(dimensions.joined(separator: ","))} \(value)\n"
    }
}

private final class CounterInstrument: Instrument, CounterHandler {
    private let value = Atomic<Int64>(0)
    let kind = "counter"

    func increment(by amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }

    func write(to text: inout String, label: String, dimensions: [String]) {
        line(&text, label, dimensions, value.load(ordering: .relaxed))
    }
}

private final class GaugeInstrument: Instrument, RecorderHandler, MeterHandler {
    private let value = Mutex(0.0)
    let kind = "gauge"

    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { self.value.withLock { $0 = value } }
    func set(_ value: Int64) { record(Double(value)) }
    func set(_ value: Double) { record(value) }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }

    func write(to text: inout String, label: String, dimensions: [String]) {
        line(&text, label, dimensions, value.withLock { $0 })
    }
}

private final class HistogramInstrument: Instrument, RecorderHandler, TimerHandler {
    static let seconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    static let longSeconds: [Double] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]
    static let sizes: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

    private struct State {
        let bounds: [Double]
        var counts: [Int64]
        var sum = 0.0

        init(_ bounds: [Double]) {
            self.bounds = bounds
            counts = Array(repeating: 0, count: bounds.count + 1)
        }
    }

    let kind = "histogram"
    /// What one recorded unit is in the unit of the bounds.
    private let scale: Double
    private let state: Mutex<State>

    init(bounds: [Double], scale: Double) {
        self.scale = scale
        state = Mutex(State(bounds))
    }

    /// To be said before anything is recorded.
    func preferDisplayUnit(_ unit: TimeUnit) {
        state.withLock { state in
            guard unit.scaleFromNanoseconds >= TimeUnit.seconds.scaleFromNanoseconds, state.counts.allSatisfy({ $0 == 0 }) else { return }
            state = State(Self.longSeconds)
        }
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration)) }

    func record(_ value: Double) {
        let value = value * scale
        state.withLock { state in
            let place = state.bounds.firstIndex { value <= $0 } ?? state.bounds.count
            state.counts[place] += 1
            state.sum += value
        }
    }

    func write(to text: inout String, label: String, dimensions: [String]) {
        let state = state.withLock { $0 }
        var total: Int64 = 0
        for (place, count) in state.counts.enumerated() {
            total += count
            line(&text, label + "_bucket", dimensions + ["le=\"\(place < state.bounds.count ? "\(state.bounds[place])" : "+Inf")\""], total)
        }
        line(&text, label + "_sum", dimensions, state.sum)
        line(&text, label + "_count", dimensions, total)
    }
}
