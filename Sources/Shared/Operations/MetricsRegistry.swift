internal import Synchronization

/// The counters and gauges of a process, printed in the Prometheus text format (exposition format 0.0.4).
///
/// Labels come from closed lists only; no key, org or free text ever becomes a label.
package final class MetricsRegistry: Sendable {
    private struct Series: Hashable {
        var name: String
        var labels: String
    }

    private struct Family {
        var kind: String
        var help: String
    }

    private struct State {
        var families: [String: Family] = [:]
        var values: [Series: Double] = [:]
        var counters: [Series: Counter] = [:]
    }

    /// A counter for hot paths: adding costs one atomic instruction.
    package final class Counter: Sendable {
        private let count = Atomic<Int>(0)

        /// Adds without a lock; may be called on any thread.
        package func add(_ amount: Int = 1) { count.add(amount, ordering: .relaxed) }
        fileprivate var value: Double { Double(count.load(ordering: .relaxed)) }
    }

    private let state = Mutex(State())

    package init() {}

    /// Sets the `# HELP` and `# TYPE` lines of a metric.
    ///
    /// - Parameter kind: `counter` or `gauge`.
    package func describe(_ name: String, kind: String, help: String) {
        state.withLock { $0.families[name] = Family(kind: kind, help: help) }
    }

    /// The counter with this name and labels; equal arguments return the same one.
    package func counter(_ name: String, _ labels: [(String, String)] = []) -> Counter {
        let series = Series(name: name, labels: Self.text(labels))
        return state.withLock { state in
            if let known = state.counters[series] { return known }
            let made = Counter()
            state.counters[series] = made
            return made
        }
    }

    /// Adds to a counter or gauge, which starts at 0.
    package func add(_ name: String, _ labels: [(String, String)] = [], by amount: Double = 1) {
        let series = Series(name: name, labels: Self.text(labels))
        state.withLock { $0.values[series, default: 0] += amount }
    }

    /// Sets a gauge.
    package func set(_ name: String, _ labels: [(String, String)] = [], to value: Double) {
        let series = Series(name: name, labels: Self.text(labels))
        state.withLock { $0.values[series] = value }
    }

    /// The current value, 0 when nothing was recorded; for tests and decisions, not for output.
    package func value(_ name: String, _ labels: [(String, String)] = []) -> Double {
        let series = Series(name: name, labels: Self.text(labels))
        return state.withLock { ($0.values[series] ?? 0) + ($0.counters[series]?.value ?? 0) }
    }

    package var exposition: String {
        let (families, values) = state.withLock { state in
            (state.families, state.values.merging(state.counters.mapValues(\.value), uniquingKeysWith: +))
        }
        var out = ""
        for name in Set(values.keys.map(\.name)).union(families.keys).sorted() {
            if let family = families[name] {
                out += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind)\n"
            }
            for (series, value) in values.filter({ $0.key.name == name }).sorted(by: { $0.key.labels < $1.key.labels })
            {
                let number = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
                out += "\(name)\(series.labels) \(number)\n"
            }
        }
        return out
    }

    private static func text(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",") + "}"
    }
}
