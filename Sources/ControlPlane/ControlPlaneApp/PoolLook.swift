internal import Redis

/// The state of a pool in one shard, as reported by the limiter's `pool` function.
struct PoolLook {
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
    /// The process and generation the share was confirmed for, and the current ones, empty without counters.
    var confirmed: String
    var life: String
    var isDry: Bool
    /// When a request was last refused, 0 if not recently, and the smallest amount that was refused.
    var refusedMs: Int64
    var wanted: Int64

    /// Whether the shard may have lost its share or a shrink of it.
    var mayLack: Bool { !life.isEmpty && (version < 0 || confirmed != life) }

    init(_ reply: RESPValue) throws {
        let items = (reply.array ?? []).map { $0.string ?? "" }
        guard items.count == 12 else { throw Unreadable() }
        func number(_ at: Int) -> Int64 { Int64(items[at]) ?? 0 }
        nowMs = number(0)
        day = items[1]
        spent = number(2)
        used = number(3)
        requests = number(4)
        version = number(5)
        share = number(6)
        confirmed = items[7]
        isDry = items[8] == "1"
        refusedMs = number(9)
        wanted = number(10)
        life = items[11]
    }

    struct Unreadable: Error, CustomStringConvertible {
        let description = "the limiter's word on a pool cannot be read"
    }
}
