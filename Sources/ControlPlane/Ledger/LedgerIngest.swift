internal import FoundationEssentials
package import Logging
package import Operations
package import PlaneContract
package import Postgres
package import Redis

/// Reads usage events from the Redis streams into the ledger.
///
/// The cursor moves in the same transaction as the rows, so each event is recorded exactly once, however often this is
/// interrupted. An epoch per shard fences off a reader that was replaced; it is unrelated to the shard's generation,
/// which is in `shard_epoch`.
package actor LedgerIngest {
    private static let pauseBusy = Duration.milliseconds(20)
    private static let pauseIdleMax = Duration.milliseconds(250)
    /// How far back a new Redis process is read again: a promoted replica may issue ids below the cursor.
    private static let rereadMs: UInt64 = 300_000
    private static let trimInterval = Duration.seconds(60)
    /// Rows by minute deleted in one statement, and how many of these follow each other.
    private static let rowsForgotten = 10_000
    private static let roundsForgetting = 100
    /// Requests of an older release added to the sums in one statement, some tenths of a second.
    private static let requestsBackfilled = 2_000

    private struct Cursor {
        var last: String
        var epoch: Int64
    }

    private let pool: PostgresPool
    private let streams: UsageStreams
    private let metrics: MetricsRegistry
    private let log: Logger
    private let late: LateUsage
    private var cursors: [Cursor] = []
    /// Turns so far: each begins with another shard.
    private var turns = 0
    private var trimmedAt = ContinuousClock.now
    private var shouldReread = false
    /// Whether all usage of an older release is in the sums by hour and day, as far as known here.
    private var isBackfilled = false
    /// When the backfill is tried again.
    private var backfillsFrom = ContinuousClock.now

    /// - Parameters:
    ///   - pool: connects as `gw_ingest`, with one connection, which holds the reader's lock.
    ///   - redis: the state Redis; its replies may be up to 64 MiB.
    ///   - keptSeconds: how long usage stays in Redis after it was recorded, at least `UsageStreams.keptSecondsMin`.
    package init(pool: PostgresPool, redis: any RedisCalling, keptSeconds: Int, metrics: MetricsRegistry, log: Logger) {
        self.pool = pool
        streams = UsageStreams(redis: redis, keptSeconds: keptSeconds)
        self.metrics = metrics
        self.log = log
        late = LateUsage(pool: pool, redis: redis, log: log)
    }

    /// Runs until cancelled.
    ///
    /// It waits while PostgreSQL or Redis is down; nothing is lost, since events stay in the streams.
    package func run() async {
        var pause = Self.pauseBusy
        while !Task.isCancelled {
            do {
                if cursors.isEmpty { try await becomeReader() }
                if shouldReread { try await rewind() }
                let count = try await turn()
                pause = count > 0 ? Self.pauseBusy : min(pause * 2, Self.pauseIdleMax)
            } catch is FencedError {
                cursors = []
                pause = .seconds(1)
            } catch {
                if !Task.isCancelled {
                    log.warning("cannot read usage into the ledger yet", metadata: ["reason": "\(error)"])
                }
                cursors = []
                pause = .seconds(1)
            }
            try? await Task.sleep(for: pause)
        }
    }

    /// Makes the next turn start five minutes before the cursors. Call it after Redis was restarted.
    package func reread() { shouldReread = true }

    /// Reads the streams of lost shards from the beginning: the clock that numbers their entries may have gone back.
    ///
    /// Events read but not yet committed are discarded: their commit fails with `FencedError`.
    package func rereadFromStart(_ shards: [Shard]) async throws {
        let rows = try await pool.query(
            """
            update ledger_cursor set last_id = '0-0', epoch = epoch + 1 where shard = any($1::integer[]) returning shard, epoch
            """,
            [PostgresArray.literal(shards.map { String($0.index) })])
        guard !cursors.isEmpty else { return }
        for row in rows { cursors[Int(row.integer("shard"))] = Cursor(last: "0-0", epoch: row.integer("epoch")) }
    }

    /// Moves each cursor back from its position or from the stream's end, whichever is earlier.
    ///
    /// The lost entries may have been numbered by a clock that was ahead.
    private func rewind() async throws {
        for (shard, end) in zip(cursors.indices, try await streams.ends()) {
            let cursor = StreamID(cursors[shard].last)?.milliseconds ?? 0
            let ms = min(cursor, end?.milliseconds ?? .max)
            cursors[shard].last = "\(ms > Self.rereadMs ? ms - Self.rereadMs : 0)-0"
        }
        shouldReread = false
    }

    /// An arbitrary number, but the same in every control plane.
    private static let readerLock = "7283910454"

    /// Becomes the only reader, or throws `FencedError` while another is. The pool's only connection holds the lock.
    private func becomeReader() async throws {
        let rows = try await pool.run { connection in
            guard
                try connection.query("select pg_try_advisory_lock($1::bigint) as mine", [Self.readerLock])[0].bool(
                    "mine")
            else { throw FencedError() }
            return try connection.query(
                "with mine as (update ledger_cursor set epoch = epoch + 1 returning *) select * from mine order by shard"
            )
        }
        cursors = rows.map { Cursor(last: $0.text("last_id"), epoch: $0.integer("epoch")) }
    }

    /// - Returns: the number of entries read.
    private func turn() async throws -> Int {
        // Read before the entries: if `rereadFromStart` runs in the meantime, these stale epochs make the commit fail.
        let epochs = cursors.map(\.epoch)
        let (runID, entries) = try await streams.read(after: cursors.map(\.last), from: turns)
        turns += 1
        if !entries.isEmpty { try await ingest(entries, from: runID, epochs) }
        try await maintain()
        if !isBackfilled { await backfill() }
        return entries.count
    }

    /// Records entries of the streams, moves the cursors and acknowledges them to the workers.
    private func ingest(_ entries: [UsageStreams.Entry], from runID: String, _ epochs: [Int64]) async throws {
        let batch = UsageBatch(entries)
        let (readable, last) = (batch.readable, batch.last)
        var deadLetters = batch.deadLetters
        let cursorMoves = last.sorted { $0.key < $1.key }
            .map { (shard: String($0.key), last: $0.value, epoch: String(epochs[$0.key])) }
        try await late.count(batch.appended)
        do {
            try await commit(readable, cursorMoves, deadLetters)
        } catch is FencedError where last.keys.contains(where: { cursors[$0].epoch != epochs[$0] }) {
            return
        } catch let error as PostgresError where error.isDataError {
            // The ledger refuses an event, or two of them conflict. One at a time, all others pass.
            for entry in readable {
                do {
                    try await commit([entry], [], [])
                } catch let error as PostgresError where error.isDataError {
                    deadLetters.append(DeadLetter(entry: entry, reason: error.description))
                }
            }
            try await commit([], cursorMoves, deadLetters)
        }
        deadLetters.forEach(report)
        for (shard, id) in last where cursors[shard].epoch == epochs[shard] { cursors[shard].last = id }
        try await streams.acknowledge(last, runID: runID, generations: try await generations(of: Array(last.keys)))
    }

    /// The current generation of each shard just read.
    ///
    /// For a shard that is being rebuilt and has none in Redis yet, it is the next one, from PostgreSQL: the stream of
    /// a lost shard holds only events appended for that one.
    private func generations(of shards: [Int]) async throws -> [Int: String] {
        var generations = try await streams.generations(of: shards)
        guard generations.count < shards.count else { return generations }
        let rows = try await pool.query("select shard, gen from shard_epoch")
        for row in rows where generations[Int(row.integer("shard"))] == nil {
            generations[Int(row.integer("shard"))] = String(row.integer("gen"))
        }
        return generations
    }

    /// Stores rows, sums, cursors and dead letters in one transaction.
    private func commit(
        _ entries: [UsageStreams.Entry], _ cursorMoves: [(shard: String, last: String, epoch: String)],
        _ deadLetters: [DeadLetter]
    ) async throws {
        let json = "[" + entries.map { #"{"kind":"\#($0.kind)","event":\#($0.event)}"# }.joined(separator: ",") + "]"
        let newRows = try await pool.run { connection in
            try connection.transaction {
                let rows = try connection.query("select take_usage_in($1::jsonb) as fresh", [json])
                for item in deadLetters { try item.insert(on: connection) }
                for move in cursorMoves {
                    let moved = try connection.query(
                        "update ledger_cursor set last_id = $2 where shard = $1 and epoch = $3 returning shard",
                        [move.shard, move.last, move.epoch])
                    guard !moved.isEmpty else { throw FencedError() }
                }
                return rows[0].integer("fresh")
            }
        }
        metrics.add("aihub_control_events_taken_in_total", by: Double(newRows))
    }

    private func report(_ item: DeadLetter) {
        metrics.add("aihub_control_events_unreadable_total")
        log.error(
            "cannot record a usage event, stored it in usage_dead_letter",
            metadata: [
                "entry": "\(item.entry.streamID)", "shard": "\(item.entry.shard)", "event": "\(item.event)",
                "reason": "\(item.reason)",
            ])
    }

    private struct FencedError: Error, CustomStringConvertible {
        let description = "another control plane is reading the usage streams"
    }

    /// Trims the streams and maintains the tables, once a minute.
    private func maintain() async throws {
        guard ContinuousClock.now - trimmedAt > Self.trimInterval else { return }
        trimmedAt = .now
        try await streams.trim(upTo: cursors.map(\.last))
        try await pool.query("delete from counted_late where counted_at < now() - interval '2 days'")
        try await pool.query("select create_usage_partitions(3)")
        do {
            for _ in 0..<Self.roundsForgetting {
                let rows = try await pool.query("select forget_usage_minutes($1)", [String(Self.rowsForgotten)])
                guard rows[0].bool("forget_usage_minutes") else { break }
            }
        } catch {
            log.warning("cannot forget usage by minute, tried again in a minute", metadata: ["error": "\(error)"])
        }
    }

    /// Adds some of the usage that an older release left to the sums, between two turns. Where that fails, the ledger
    /// goes on, and it is tried again in a minute.
    private func backfill() async {
        guard ContinuousClock.now >= backfillsFrom else { return }
        do {
            let rows = try await pool.query("select backfill_usage($1)", [String(Self.requestsBackfilled)])
            isBackfilled = rows[0].bool("backfill_usage")
        } catch {
            backfillsFrom = .now + Self.trimInterval
            log.warning("cannot add older usage to the sums, tried again in a minute", metadata: ["error": "\(error)"])
        }
    }
}
