internal import GatewayModel
internal import Redis

/// What a shared budget has in one shard on the current day.
package struct PoolUse: Sendable {
    /// Nano-USD charged, and charged or held by running requests.
    package var spent: Int64 = 0
    package var used: Int64 = 0
    package var requests: Int64 = 0
    /// The newest refusal: when, and the smallest amount asked for.
    package var refusedAtMs: Int64 = 0
    package var refusedAmount: Int64 = 0

    package init() {}
}

/// Shares of plans' shared budgets, as `pool.lua` keeps them: `version share confirmation dry`.
extension RedisState {
    /// The share of a budget on a day, nano-USD, and its version; `nil` for none.
    package func share(_ field: String, in key: String) -> (version: Int64, nano: Int64, confirmed: String)? {
        let words = (hashes[key]?[field] ?? "").split(separator: " ")
        guard words.count == 4, let version = Int64(words[0]), let nano = Int64(words[1]) else { return nil }
        return (version, nano, String(words[2]))
    }

    /// The process and generation that a share must be confirmed for; `nil` without counters.
    package func confirmation(_ key: String) -> String? { hashes[key]?["gen"].map { runID + "." + $0 } }

    mutating func share(_ key: String, _ budget: String, _ arguments: [String]) -> RESPValue {
        let field = arguments[0] + ":" + arguments[1]
        guard let version = Int64(arguments[2]), var nano = Int64(arguments[3]) else {
            return .error("ERR not a number")
        }
        guard confirmation(key) == arguments[5] else { return .array([.integer(2)]) }
        let current = share(field, in: key)
        let held: RESPValue = .array([
            .integer(1), .string(String(current?.version ?? -1)), .string(String(current?.nano ?? 0)),
        ])
        if let current, current.version > version { return held }
        if arguments[6] == "1" {
            guard let current, current.confirmed == arguments[5], current.version >= version - 1 else { return held }
            nano = min(current.nano, max(nano, pools[budget]?.used ?? 0))
        } else if let current, current.version == version {
            nano = min(nano, current.nano)
        }
        hashes[key, default: [:]][field] = "\(version) \(nano) \(arguments[5]) \(arguments[4])"
        return .array([.integer(0), .string(String(version)), .string(String(nano))])
    }

    func pool(_ key: String, _ budget: String, _ name: String) -> RESPValue {
        let day = UTCCalendar.periods(atMs: nowMs).suffix(8)
        let use = pools[budget] ?? PoolUse()
        let words = (hashes[key]?[name + ":" + day] ?? "-1 0  0").split(
            separator: " ", omittingEmptySubsequences: false)
        let numbers: [String] = [use.spent, use.used, use.requests].map { String($0) }
        let refusal: [String] = [String(use.refusedAtMs), String(use.refusedAmount), confirmation(key) ?? ""]
        var reply: [String] = [String(nowMs), String(day)]
        reply += numbers
        reply += words.map { String($0) }
        reply += refusal
        return .array(reply.map { .string($0) })
    }
}
