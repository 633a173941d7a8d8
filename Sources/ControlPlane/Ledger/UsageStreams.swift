internal import FoundationEssentials
package import PlaneContract
package import Redis

/// The usage streams of all shards in Redis, as the ledger reads them.
package struct UsageStreams: Sendable {
    /// Entries of one stream taken in one turn.
    static let entriesPerShard = 500
    /// Entries of one transaction, over all shards: when so many are read, no more are asked for.
    static let entriesPerTurn = 2_000
    /// Shards asked in one write.
    private static let shardsAtOnce = 16
    /// A new process of Redis is read again from five minutes before the cursor; as long again for a reader that is late.
    package static let keptSecondsMin = 600

    let redis: RedisClient
    /// How long entries stay in Redis after they were taken in.
    private let keptMs: UInt64

    package init(redis: RedisClient, keptSeconds: Int = keptSecondsMin) {
        self.redis = redis
        keptMs = UInt64(keptSeconds) * 1_000
    }

    struct Entry: Sendable {
        var shard: Int
        var streamID: String
        /// `final` or `reaped`.
        var kind: String
        /// A usage event's JSON, when it is what it should be.
        var event: String
        /// The shard's life it was filed in past the counters; `nil` where it was counted when it was filed, or is in the totals that
        /// are about to be put back.
        var life: String?

        /// `[id, [field, value, …]]` with the fields `id`, `kind`, `event` and, sometimes, `life`.
        init?(_ value: RESPValue, shard: Int) {
            guard let parts = value.array, parts.count == 2, let id = parts[0].string, let fields = parts[1].array
            else { return nil }
            var named: [String: String] = [:]
            for at in stride(from: 0, to: fields.count - 1, by: 2) {
                if let name = fields[at].string { named[name] = fields[at + 1].string }
            }
            guard let kind = named["kind"], kind == "reaped" || kind == "final", let event = named["event"] else {
                return nil
            }
            (self.shard, streamID, self.kind, self.event, life) = (shard, id, kind, event, named["life"])
        }
    }

    /// What stands behind the cursors, and the `run_id` of the Redis that said so.
    ///
    /// - Parameter first: where to begin; what is behind the shard at which a turn is full waits for the next.
    func read(after cursors: [String], from first: Int) async throws -> (process: String, entries: [Entry]) {
        let process = try await redis.call("INFO", "server").runID ?? ""
        var entries: [Entry] = []
        let order = Shard.all.indices.map { Shard.all[($0 + first) % Shard.count] }
        for start in stride(from: 0, to: order.count, by: Self.shardsAtOnce) where entries.count < Self.entriesPerTurn {
            let shards = order[start..<min(start + Self.shardsAtOnce, order.count)]
            let replies = try await redis.pipeline(
                shards.map { shard in
                    RedisCommand([
                        "XRANGE", RedisKeys.usageStream(shard), "(" + cursors[shard.index], "+", "COUNT",
                        String(Self.entriesPerShard),
                    ])
                })
            for (shard, reply) in zip(shards, replies) {
                entries += try reply.get().array?.compactMap { Entry($0, shard: shard.index) } ?? []
            }
        }
        return (process, entries)
    }

    /// The newest entry of each stream, where it has one.
    package func ends() async throws -> [StreamID?] {
        let replies = try await redis.pipeline(
            Shard.all.map { RedisCommand(["XREVRANGE", RedisKeys.usageStream($0), "+", "-", "COUNT", "1"]) })
        return try replies.map { try $0.get().array?.first?.array?.first?.string.flatMap { StreamID($0) } }
    }

    /// The life of each of these shards, where it has one.
    func lives(of shards: [Int]) async throws -> [Int: String] {
        let replies = try await redis.pipeline(
            shards.map { RedisCommand(["HGET", RedisKeys.versions(Shard.all[$0]), "gen"]) })
        var lives: [Int: String] = [:]
        for (shard, reply) in zip(shards, replies) { lives[shard] = try reply.get().string }
        return lives
    }

    /// Tells the workers how far their events are safe. Lost or late, the next word says more.
    func acknowledge(_ last: [Int: String], process: String, lives: [Int: String]) async throws {
        _ = try await redis.pipeline(
            last.compactMap { shard, id in
                lives[shard].map { life in
                    RedisCommand(["SET", RedisKeys.acknowledged(Shard.all[shard]), "\(process) \(life) \(id)"])
                }
            })
    }

    /// Drops entries that are both taken in and older than what is kept.
    func trim(upTo cursors: [String]) async throws {
        let now = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
        _ = try await redis.pipeline(
            Shard.all.map { shard in
                let taken = StreamID(cursors[shard.index])?.milliseconds ?? 0
                return RedisCommand([
                    "XTRIM", RedisKeys.usageStream(shard), "MINID", "\(min(taken, now - min(now, keptMs)))-0",
                ])
            })
    }
}
