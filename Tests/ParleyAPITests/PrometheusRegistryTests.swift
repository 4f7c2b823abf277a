import CoreMetrics
import ParleyAPI
import Testing

struct PrometheusRegistryTests {
    private let registry = PrometheusRegistry()

    private func longTimer() -> Timer { Timer(label: "waits", dimensions: [], preferredDisplayUnit: .seconds, factory: registry) }

    private func bounds() -> [Double] {
        registry.text().matches(of: /le="([0-9.]+)"/).compactMap { Double($0.1) }
    }

    @Test func `a timer's bounds go from a tenth of a millisecond to ten seconds`() {
        Timer(label: "takes", dimensions: [], factory: registry).recordSeconds(90)
        #expect(bounds().first == 0.0001 && bounds().last == 10)
        #expect(registry.text().contains("takes_bucket{le=\"10.0\"} 0\ntakes_bucket{le=\"+Inf\"} 1\ntakes_sum 90.0\n"))
    }

    @Test func `those of a timer that prefers seconds go up to an hour`() {
        longTimer().recordSeconds(90)
        #expect(bounds().contains(60) && bounds().last == 3600)
        #expect(registry.text().contains("waits_bucket{le=\"60.0\"} 0\nwaits_bucket{le=\"120.0\"} 1\n"))
    }

    @Test func `what was recorded stays when the same timer is made again`() {
        longTimer().recordSeconds(90)
        let text = registry.text()
        _ = longTimer()
        #expect(registry.text() == text)
    }
}
