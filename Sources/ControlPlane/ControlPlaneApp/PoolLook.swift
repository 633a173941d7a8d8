internal import Redis

/// How a pool stands in a shard, as the limiter's `pool` says.
struct PoolLook {
    var nowMs: Int64
    /// `yyyymmdd`.
    var day: String
    var spent: Int64
    /// Spent, and held by running requests.
    var used: Int64
    var requests: Int64
    /// Of the share; -1 where there is none.
    var version: Int64
    var share: Int64
    /// The life of the shard the share was confirmed for, and that of now; the latter is empty where the counters are lost.
    var confirmed: String
    var life: String
    var isDry: Bool
    /// When a request was last refused for it, 0 if not lately, and what that asked for at least.
    var refusedMs: Int64
    var wanted: Int64

    /// Whether the shard may have lost its share, or that it was made smaller.
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
