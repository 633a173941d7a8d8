/// What a reply to `INFO memory` says of a Redis whose keys must all stay.
package struct RedisMemory: Sendable {
    /// `maxmemory-policy`; empty where the server does not say.
    package let policy: String
    package let usedBytes: Int64
    /// 0: no limit.
    package let maxBytes: Int64

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

    /// Whether nothing is evicted to make room. Holds and tombstones have a time to live, so no `volatile-…` policy spares them.
    package var keepsEverything: Bool { policy.isEmpty || policy == "noeviction" }
}
