internal import Admission
package import Journal
package import LimiterClient
package import Logging
package import PlaneContract
internal import Reactor
internal import Redis

/// Brings an event loop and Redis to the same view of every shard, at start and after a restart, failover or wipe.
///
/// The loop sends again what it knows, then reports that it is done. Redis opens a shard when all loops have, or after
/// `PlaneTiming.replayTimeoutMs`.
package final class ShardRecovery {
    private static let retryMs: Int64 = 50

    private struct State {
        var isOpen = false
        var isAsking = false
        var needsReplay = false
        /// The generation for which everything was appended.
        var appendedFor = ""
    }

    private let limiter: LimiterConnection
    private let settlements: SettlementQueue
    private let loopID: String
    private let log: Logger
    private var shards = [State](repeating: State(), count: Shard.count)
    private var isWaiting = false
    private var knownRunID = ""
    /// Records read from disk when a loss is found, by shard; dropped once all shards are open.
    private var recordsFromDisk: [Shard: [JournalRecord]]?
    private var isReading = false
    /// Reads this loop's journal on another thread, and calls back on the reactor.
    package var readDisk: (@escaping ([JournalRecord]) -> Void) -> Void = { $0([]) }
    /// Runs once, when all shards are open.
    package var onOpen: (() -> Void)?

    /// Nothing happens before `connected`.
    package init(_ limiter: LimiterConnection, _ settlements: SettlementQueue, loopID: String, log: Logger) {
        self.limiter = limiter
        self.settlements = settlements
        self.loopID = loopID
        self.log = log
        // Do not evict while recovering: requests evicted now would be missing from what was read from disk.
        settlements.mayEvict = { [unowned self] in recordsFromDisk == nil && !isReading }
    }

    /// A connection to the Redis process with this `run_id` is up.
    package func connected(to redisRunID: String) {
        let isNew = redisRunID != knownRunID
        if isNew, !knownRunID.isEmpty {
            log.warning("Redis restarted or failed over: replaying", metadata: ["run": "\(redisRunID.prefix(8))"])
        }
        knownRunID = redisRunID
        for at in shards.indices {
            shards[at].isOpen = false
            shards[at].isAsking = false
            if isNew { shards[at].needsReplay = true }
        }
        reopenShards()
    }

    /// Redis rejected this loop's fence for the shard: asks for the one in force.
    package func close(_ shard: Shard) {
        guard shards[shard.index].isOpen else { return }
        shards[shard.index].isOpen = false
        reopenShards()
    }

    /// Checks every shard: some may be lost.
    package func closeAll() {
        for at in shards.indices { shards[at].isOpen = false }
        reopenShards()
    }

    private func reopenShards() {
        guard limiter.isConnected else { return }
        for shard in Shard.all where !shards[shard.index].isOpen && !shards[shard.index].isAsking { reopen(shard) }
    }

    private func retryLater() {
        guard !isWaiting else { return }
        isWaiting = true
        limiter.reactor.after(Self.retryMs) { [self] in
            isWaiting = false
            reopenShards()
        }
    }

    private func reopen(_ shard: Shard) {
        if shards[shard.index].needsReplay, !limiter.generation(of: shard).isEmpty {
            shards[shard.index].needsReplay = false
            settlements.replay(shard, loopID: loopID)
        }
        shards[shard.index].isAsking = true
        let fence = limiter.fence(of: shard)
        limiter.call({ RecoveryCalls.reopen(shard, loopID: loopID, fence, into: &$0) }) { [self] result in
            guard fence.redisRunID == limiter.fence(of: shard).redisRunID else { return }
            shards[shard.index].isAsking = false
            guard case .success(let value) = result, let items = value.array else { return retryLater() }
            handle(ReopenVerdict(reply: items.map { $0.string ?? "" }), shard)
        }
    }

    private func handle(_ verdict: ReopenVerdict, _ shard: Shard) {
        switch verdict {
        case .open:
            shards[shard.index].isOpen = true
            settlements.opened(shard)
            if shards.allSatisfy(\.isOpen) {
                recordsFromDisk = nil
                onOpen?()
                onOpen = nil
            }
        case .otherGeneration(let generation):
            guard limiter.generation(of: shard).isEmpty || move(shard, to: generation) else { return }
            limiter.setGeneration(generation, of: shard)
            reopen(shard)
        case .lost(let barrier):
            if let barrier, shards[shard.index].appendedFor != barrier { append(shard, for: barrier) }
            // All shards are in one Redis: where one is lost, all are.
            for at in shards.indices { shards[at].isOpen = false }
            retryLater()
        case .waiting, .unreadable: retryLater()
        }
    }

    private func append(_ shard: Shard, for barrier: String) {
        guard reloadEvicted(shard) else { return }
        shards[shard.index].appendedFor = barrier
        settlements.appendAll(shard, for: barrier) { [self] in
            limiter.call({ RecoveryCalls.appended(shard, loopID: loopID, generation: barrier, into: &$0) }) {
                [self] result in
                if case .failure = result, shards[shard.index].appendedFor == barrier {
                    shards[shard.index].appendedFor = ""
                }
            }
        }
    }

    /// Moves to a generation that may have been rebuilt without this worker: what was not appended before is appended
    /// now. False when the disk has to be read first.
    private func move(_ shard: Shard, to generation: String) -> Bool {
        let isAppended = shards[shard.index].appendedFor == generation
        guard isAppended || reloadEvicted(shard) else { return false }
        limiter.setGeneration(generation, of: shard)
        settlements.move(shard, to: generation, loopID: loopID)
        return true
    }

    /// Reloads evicted requests of this shard, to be sent again with the rest. False when the disk has to be read
    /// first.
    private func reloadEvicted(_ shard: Shard) -> Bool {
        guard settlements.hasEvicted(shard) else { return true }
        guard let recordsFromDisk else {
            readEvicted()
            return false
        }
        settlements.reload(recordsFromDisk[shard] ?? [], of: shard)
        return true
    }

    private func readEvicted() {
        guard !isReading else { return }
        isReading = true
        readDisk { [self] records in
            isReading = false
            recordsFromDisk = Dictionary(grouping: records, by: \.request.scopes.shard)
            reopenShards()
        }
    }
}
