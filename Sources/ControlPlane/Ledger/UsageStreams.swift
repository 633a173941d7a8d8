internal import FoundationEssentials
package import PlaneContract
package import Redis

/// The usage streams of all shards in Redis, as the ledger reads them.
package struct UsageStreams: Sendable {
    /// Entries read from one stream per turn.
    package static let entriesPerShard = 500
    /// Entries per transaction, over all shards: once reached, no further shards are read.
    package static let entriesPerTurn = 2_000
    /// Shards read in one pipeline.
    private static let shardsPerBatch = 16
    /// A new Redis process is reread from five minutes before the cursor; as much again for a reader that is behind.
    package static let keptSecondsMin = 600

    let redis: any RedisCalling
    /// How long entries stay in Redis after they were recorded.
    private let keptMs: UInt64

    /// - Parameter keptSeconds: how long entries stay in Redis after they were recorded, at least `keptSecondsMin`.
    package init(redis: any RedisCalling, keptSeconds: Int = keptSecondsMin) {
        self.redis = redis
        keptMs = UInt64(keptSeconds) * 1_000
    }

    /// An entry of a usage stream.
    package struct Entry: Sendable {
        package var shard: Int
        package var streamID: String
        /// `final` or `reaped`.
        package var kind: String
        /// The JSON of a usage event, not yet validated.
        package var event: String
        /// The generation in which the event was appended without being counted: the field `life`.
        ///
        /// `nil` when it was counted on the spot, or is included in the totals about to be restored.
        package var generation: String?

        /// `[id, [field, value, …]]` with the fields `id`, `kind`, `event` and, sometimes, `life`.
        package init?(_ value: RESPValue, shard: Int) {
            guard let parts = value.array, parts.count == 2, let id = parts[0].string, let fields = parts[1].array
            else { return nil }
            var named: [String: String] = [:]
            for at in stride(from: 0, to: fields.count - 1, by: 2) {
                if let name = fields[at].string { named[name] = fields[at + 1].string }
            }
            guard let kind = named["kind"], kind == "reaped" || kind == "final", let event = named["event"] else {
                return nil
            }
            (self.shard, streamID, self.kind, self.event, generation) = (shard, id, kind, event, named["life"])
        }
    }

    /// The entries after the cursors, and the `run_id` of the Redis process that returned them.
    ///
    /// - Parameter first: the shard to begin with; once the turn is full, the remaining shards wait for the next one.
    package func read(after cursors: [String], from first: Int) async throws -> (runID: String, entries: [Entry]) {
        let runID = try await redis.call("INFO", "server").runID ?? ""
        var entries: [Entry] = []
        let order = Shard.all.indices.map { Shard.all[($0 + first) % Shard.count] }
        for start in stride(from: 0, to: order.count, by: Self.shardsPerBatch) where entries.count < Self.entriesPerTurn
        {
            let shards = order[start..<min(start + Self.shardsPerBatch, order.count)]
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
        return (runID, entries)
    }

    /// The id of each stream's newest entry, `nil` when it is empty.
    package func ends() async throws -> [StreamID?] {
        let replies = try await redis.pipeline(
            Shard.all.map { RedisCommand(["XREVRANGE", RedisKeys.usageStream($0), "+", "-", "COUNT", "1"]) })
        return try replies.map { try $0.get().array?.first?.array?.first?.string.flatMap { StreamID($0) } }
    }

    /// The generation of each of these shards that has one.
    package func generations(of shards: [Int]) async throws -> [Int: String] {
        let replies = try await redis.pipeline(
            shards.map { RedisCommand(["HGET", RedisKeys.versions(Shard.all[$0]), RedisField.generation]) })
        var generations: [Int: String] = [:]
        for (shard, reply) in zip(shards, replies) { generations[shard] = try reply.get().string }
        return generations
    }

    /// Tells the workers up to where the ledger has their events. A lost message does no harm: the next one covers it.
    package func acknowledge(_ last: [Int: String], runID: String, generations: [Int: String]) async throws {
        _ = try await redis.pipeline(
            last.compactMap { shard, id in
                generations[shard].map { generation in
                    RedisCommand(["SET", RedisKeys.acknowledged(Shard.all[shard]), "\(runID) \(generation) \(id)"])
                }
            })
    }

    /// Drops entries that are both recorded and older than the retention time.
    package func trim(upTo cursors: [String]) async throws {
        let now = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
        _ = try await redis.pipeline(
            Shard.all.map { shard in
                let ingested = StreamID(cursors[shard.index])?.milliseconds ?? 0
                return RedisCommand([
                    "XTRIM", RedisKeys.usageStream(shard), "MINID", "\(min(ingested, now - min(now, keptMs)))-0",
                ])
            })
    }
}
