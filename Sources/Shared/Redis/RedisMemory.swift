/// The reply to `INFO memory`, for a Redis that must not evict any key.
package struct RedisMemory: Sendable {
    /// `maxmemory-policy`; empty when the server does not report it.
    package let policy: String
    package let usedBytes: Int64
    /// 0 for no limit.
    package let maxBytes: Int64

    /// - Parameter info: a reply to `INFO memory`; fields it lacks read as empty or 0.
    package init(_ info: RESPValue) {
        var fields: [Substring: Substring] = [:]
        for line in info.string?.split(whereSeparator: \.isNewline) ?? [] {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = line[line.index(after: colon)...]
        }
        policy = String(fields["maxmemory_policy"] ?? "")
        usedBytes = fields["used_memory"].flatMap { Int64($0) } ?? 0
        maxBytes = fields["maxmemory"].flatMap { Int64($0) } ?? 0
    }

    /// Whether no key is ever evicted. Holds and tombstones have a time to live, so no `volatile-…` policy spares them.
    package var neverEvicts: Bool { policy.isEmpty || policy == "noeviction" }
}
