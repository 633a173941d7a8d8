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
    }

    private let state = Mutex(State())

    package init() {}

    package func describe(_ name: String, kind: String, help: String) {
        state.withLock { $0.families[name] = Family(kind: kind, help: help) }
    }

    package func add(_ name: String, _ labels: [(String, String)] = [], by amount: Double = 1) {
        let series = Series(name: name, labels: Self.text(labels))
        state.withLock { $0.values[series, default: 0] += amount }
    }

    package func set(_ name: String, _ labels: [(String, String)] = [], to value: Double) {
        let series = Series(name: name, labels: Self.text(labels))
        state.withLock { $0.values[series] = value }
    }

    package func value(_ name: String, _ labels: [(String, String)] = []) -> Double {
        state.withLock { $0.values[Series(name: name, labels: Self.text(labels))] ?? 0 }
    }

    package var exposition: String {
        let (families, values) = state.withLock { ($0.families, $0.values) }
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
