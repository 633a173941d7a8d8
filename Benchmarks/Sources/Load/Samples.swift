/// Nanoseconds, all of them, so that no percentile is rounded to a bucket.
struct Samples {
    private var values: [Int64] = []

    mutating func add(_ value: Int64) { values.append(value) }

    /// The percentiles as JSON members, in microseconds.
    func json(_ name: String) -> String {
        let sorted = values.sorted()
        let members = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)].map { label, share in
            let value = sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
            return "\"\(name)_\(label)\":\(Double(value / 100) / 10)"
        }
        return members.joined(separator: ",")
    }
}
