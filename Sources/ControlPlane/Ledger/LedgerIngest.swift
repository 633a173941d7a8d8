internal import FoundationEssentials
package import Logging
package import Operations
package import PlaneContract
package import Postgres
package import Redis

/// Takes usage events out of Redis's streams into the ledger. The cursor moves in the same transaction as the rows, so an
/// event is taken in once however often this is interrupted; an epoch per shard fences off a reader that was superseded.
package actor LedgerIngest {
    /// Entries of one stream taken in one turn.
    static let entriesPerShard = 500
    /// Entries of one transaction, over all shards.
    static let entriesPerTurn = 2_000
    private static let pauseBusy = Duration.milliseconds(20)
    private static let pauseIdleMax = Duration.milliseconds(250)
    /// How far back a new Redis process is read again: a replica that took over may give out ids below the cursor.
    private static let rereadMs: UInt64 = 300_000
    /// How long entries stay in Redis after they were taken in.
    private static let keptMs: UInt64 = 86_400_000

    private struct Cursor {
        var last: String
        var epoch: Int64
    }

    private struct Entry {
        var shard: Int
        var streamID: String
        var kind: String
        var event: String
        /// The shard's life it was filed in past the counters; `nil` where it was counted when it was filed.
        var life: String?
    }

    private let pool: PostgresPool
    private let redis: RedisClient
    private let metrics: MetricsRegistry
    private let log: Logger
    private let late: LateUsage
    private var cursors: [Cursor] = []
    private var trimmedAt = ContinuousClock.now
    private var shouldReread = false

    package init(pool: PostgresPool, redis: RedisClient, metrics: MetricsRegistry, log: Logger) {
        self.pool = pool
        self.redis = redis
        self.metrics = metrics
        self.log = log
        late = LateUsage(pool: pool, redis: redis)
    }

    /// Runs until cancelled. While PostgreSQL or Redis is away it waits; nothing is lost, the streams keep what comes.
    package func run() async {
        var pause = Self.pauseBusy
        while !Task.isCancelled {
            do {
                if cursors.isEmpty { try await takeOver() }
                if shouldReread { try await rewind() }
                let taken = try await turn()
                pause = taken > 0 ? Self.pauseBusy : min(pause * 2, Self.pauseIdleMax)
            } catch is Superseded {
                cursors = []
                pause = .seconds(1)
            } catch {
                if !Task.isCancelled { log.warning("usage waits", metadata: ["reason": "\(error)"]) }
                cursors = []
                pause = .seconds(1)
            }
            try? await Task.sleep(for: pause)
        }
    }

    /// Reads a little behind the cursors again. Call when Redis was restarted.
    package func reread() { shouldReread = true }

    /// Reads these shards' streams from their beginning: they were lost, and the clock that numbers them may have gone back.
    /// What was read of them before and is not taken in yet no longer can be: whoever reads them learns that he is superseded.
    package func restart(_ shards: [Shard]) async throws {
        let rows = try await pool.query(
            """
            update ledger_cursor set last_id = '0-0', epoch = epoch + 1 where shard = any($1::integer[]) returning shard, epoch
            """,
            [PostgresArray.literal(shards.map { String($0.index) })])
        guard !cursors.isEmpty else { return }
        for row in rows { cursors[Int(row.integer("shard"))] = Cursor(last: "0-0", epoch: row.integer("epoch")) }
    }

    /// From where the cursor stands or from where the stream ends, whichever is earlier: a clock may have been ahead when it
    /// numbered what was lost.
    private func rewind() async throws {
        let ends = try await redis.pipeline(
            Shard.all.map { RedisCommand(["XREVRANGE", RedisKeys.usageStream($0), "+", "-", "COUNT", "1"]) })
        for (shard, end) in zip(cursors.indices, ends) {
            let last = try end.get().array?.first?.array?.first?.string.flatMap { StreamID($0) }
            let cursor = StreamID(cursors[shard].last)?.milliseconds ?? 0
            let ms = min(cursor, last?.milliseconds ?? .max)
            cursors[shard].last = "\(ms > Self.rereadMs ? ms - Self.rereadMs : 0)-0"
        }
        shouldReread = false
    }

    /// Any number works, as long as every control plane takes the same.
    private static let readerLock = "7283910454"

    /// Becomes the one reader, or stands by while another is. The pool has one connection, which holds the lock.
    private func takeOver() async throws {
        let rows = try await pool.run { connection in
            guard
                try connection.query("select pg_try_advisory_lock($1::bigint) as mine", [Self.readerLock])[0].bool(
                    "mine")
            else { throw Superseded() }
            return try connection.query(
                "with mine as (update ledger_cursor set epoch = epoch + 1 returning *) select * from mine order by shard"
            )
        }
        cursors = rows.map { Cursor(last: $0.text("last_id"), epoch: $0.integer("epoch")) }
    }

    private func turn() async throws -> Int {
        let commands = Shard.all.map { shard in
            RedisCommand([
                "XRANGE", RedisKeys.usageStream(shard), "(" + cursors[shard.index].last, "+", "COUNT",
                String(Self.entriesPerShard),
            ])
        }
        // Whoever restarts a shard while it is read has the say.
        let epochs = cursors.map(\.epoch)
        var entries: [Entry] = []
        let replies = try await redis.pipeline([RedisCommand(["INFO", "server"])] + commands)
        let process = Self.process(try replies[0].get().string ?? "")
        for (shard, reply) in zip(Shard.all, replies.dropFirst()) {
            guard entries.count < Self.entriesPerTurn else { break }
            entries += try reply.get().array?.compactMap { Self.entry($0, shard: shard.index) } ?? []
        }
        if !entries.isEmpty { try await takeIn(entries, from: process, epochs) }
        try await trim()
        return entries.count
    }

    private func takeIn(_ entries: [Entry], from process: String, _ epochs: [Int64]) async throws {
        var behind: [LateUsage.Item] = []
        let readable = entries.filter { entry in
            guard let event = try? JSONDecoder().decode(UsageEvent.self, from: Data(entry.event.utf8)) else {
                report(entry, reason: "not a usage event")
                return false
            }
            if let life = entry.life { behind.append(LateUsage.Item(shard: entry.shard, life: life, event: event)) }
            return true
        }
        let last = Dictionary(entries.map { ($0.shard, $0.streamID) }) { $1 }
        let moves = last.sorted { $0.key < $1.key }
            .map { (shard: String($0.key), last: $0.value, epoch: String(epochs[$0.key])) }
        try await late.count(behind)
        do {
            try await commit(readable, moves)
        } catch is Superseded where last.keys.contains(where: { cursors[$0].epoch != epochs[$0] }) {
            return
        } catch PostgresError.refused(let state, _, _) where state.hasPrefix("22") || state.hasPrefix("23") {
            // One event of the batch is not what the ledger takes. It is left out and named; the others pass.
            for entry in readable {
                do {
                    try await commit([entry], [])
                } catch PostgresError.refused(let state, let message, _)
                    where state.hasPrefix("22") || state.hasPrefix("23")
                {
                    report(entry, reason: message)
                }
            }
            try await commit([], moves)
        }
        for (shard, id) in last where cursors[shard].epoch == epochs[shard] { cursors[shard].last = id }
        try await acknowledge(last, process)
    }

    /// Tells the workers how far their events are safe. Lost or late, the next word says more.
    private func acknowledge(_ last: [Int: String], _ process: String) async throws {
        let lives = try await lives(of: Array(last.keys))
        _ = try await redis.pipeline(
            last.compactMap { shard, id in
                lives[shard].map { life in
                    RedisCommand(["SET", RedisKeys.acknowledged(Shard.all[shard]), "\(process) \(life) \(id)"])
                }
            })
    }

    /// The life of each shard that has just been read. While one is being put back it is the next, which Redis does not have
    /// yet: nothing can stand in the stream of a lost shard that was not filed for it.
    private func lives(of shards: [Int]) async throws -> [Int: String] {
        let replies = try await redis.pipeline(
            shards.map { RedisCommand(["HGET", RedisKeys.versions(Shard.all[$0]), "gen"]) })
        var lives: [Int: String] = [:]
        for (shard, reply) in zip(shards, replies) { lives[shard] = try reply.get().string }
        guard lives.count < shards.count else { return lives }
        let rows = try await pool.query("select shard, gen from shard_epoch")
        for row in rows where lives[Int(row.integer("shard"))] == nil {
            lives[Int(row.integer("shard"))] = String(row.integer("gen"))
        }
        return lives
    }

    private static func process(_ info: String) -> String {
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }
        return line.map { String($0.dropFirst("run_id:".count)) } ?? ""
    }

    /// Rows, sums and cursors in one transaction.
    private func commit(_ entries: [Entry], _ moves: [(shard: String, last: String, epoch: String)]) async throws {
        let json = "[" + entries.map { #"{"kind":"\#($0.kind)","event":\#($0.event)}"# }.joined(separator: ",") + "]"
        let fresh = try await pool.run { connection in
            try connection.transaction {
                let rows = try connection.query("select take_usage_in($1::jsonb) as fresh", [json])
                for move in moves {
                    let moved = try connection.query(
                        "update ledger_cursor set last_id = $2 where shard = $1 and epoch = $3 returning shard",
                        [move.shard, move.last, move.epoch])
                    guard !moved.isEmpty else { throw Superseded() }
                }
                return rows[0].integer("fresh")
            }
        }
        metrics.add("aihub_control_events_taken_in_total", by: Double(fresh))
    }

    private func report(_ entry: Entry, reason: String) {
        metrics.add("aihub_control_events_unreadable_total")
        log.error(
            "usage event left out",
            metadata: [
                "entry": "\(entry.streamID)", "shard": "\(entry.shard)", "event": "\(entry.event)",
                "reason": "\(reason)",
            ])
    }

    private struct Superseded: Error, CustomStringConvertible {
        let description = "another control plane reads the usage streams now"
    }

    /// Once a minute: drops entries that are both taken in and older than a day.
    private func trim() async throws {
        guard ContinuousClock.now - trimmedAt > .seconds(60) else { return }
        trimmedAt = .now
        let now = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
        _ = try await redis.pipeline(
            Shard.all.map { shard in
                let taken = StreamID(cursors[shard.index].last)?.milliseconds ?? 0
                return RedisCommand([
                    "XTRIM", RedisKeys.usageStream(shard), "MINID", "\(min(taken, now - Self.keptMs))-0",
                ])
            })
        try await pool.query("select create_usage_partitions(3)")
    }

    /// `[id, [field, value, …]]` with the fields `id`, `kind` and `event`.
    private static func entry(_ value: RESPValue, shard: Int) -> Entry? {
        guard let parts = value.array, parts.count == 2, let id = parts[0].string, let fields = parts[1].array else {
            return nil
        }
        var named: [String: String] = [:]
        for at in stride(from: 0, to: fields.count - 1, by: 2) {
            if let name = fields[at].string { named[name] = fields[at + 1].string }
        }
        guard let kind = named["kind"], kind == "reaped" || kind == "final", let event = named["event"] else {
            return nil
        }
        return Entry(shard: shard, streamID: id, kind: kind, event: event, life: named["life"])
    }
}
