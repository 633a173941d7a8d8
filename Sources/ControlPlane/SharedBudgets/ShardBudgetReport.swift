internal import Redis

/// The state of a plan's shared budget in one shard, as reported by the limiter's `pool` function.
struct ShardBudgetReport {
    var nowMs: Int64
    /// `yyyymmdd`.
    var day: String
    var spent: Int64
    /// Spent plus held by running requests.
    var used: Int64
    var requests: Int64
    /// The share's version; -1 when there is no share.
    var version: Int64
    var share: Int64
    /// The Redis process and generation for which the share was written.
    var confirmedToken: String
    /// The current ones, which every write must name; empty without counters.
    var fencingToken: String
    var isExhausted: Bool
    /// When a request was last refused, 0 if not recently, and the smallest amount that was refused.
    var refusedAtMs: Int64
    var refusedAmount: Int64

    /// Whether the shard may have lost its share or a shrink of it.
    var mayBeStale: Bool { !fencingToken.isEmpty && (version < 0 || confirmedToken != fencingToken) }

    /// - Throws: `MalformedReplyError`.
    init(_ reply: RESPValue) throws {
        let items = (reply.array ?? []).map { $0.string ?? "" }
        guard items.count == 12 else { throw MalformedReplyError() }
        func number(_ at: Int) -> Int64 { Int64(items[at]) ?? 0 }
        nowMs = number(0)
        day = items[1]
        spent = number(2)
        used = number(3)
        requests = number(4)
        version = number(5)
        share = number(6)
        confirmedToken = items[7]
        isExhausted = items[8] == "1"
        refusedAtMs = number(9)
        refusedAmount = number(10)
        fencingToken = items[11]
    }

    struct MalformedReplyError: Error, CustomStringConvertible {
        let description = "the limiter's reply about a shared budget is malformed"
    }
}
