internal import Admission
internal import Journal
internal import Logging
internal import PlaneContract
internal import Reactor
internal import Redis

/// Brings an event loop and Redis to the same view of every shard, at start and after a restart, failover or wipe.
///
/// The loop sends again what it knows, then reports that it is done. Redis opens a shard when all loops have, or after
/// `RecoveryCalls.patienceMs`.
final class ShardRecovery {
    private static let againMs: Int64 = 50

    private struct State {
        var isOpen = false
        var isAsking = false
        var needsReplay = false
        /// The generation for which everything was filed.
        var filedFor = ""
    }

    private let limiter: LimiterConnection
    private let settles: SettlePump
    private let owner: String
    private let log: Logger
    private var shards = [State](repeating: State(), count: Shard.count)
    private var isWaiting = false
    private var knownRun = ""
    /// Records read from disk when a loss is found, by shard; dropped once all shards are open.
    private var fromDisk: [Shard: [JournalRecord]]?
    private var isReading = false
    /// Reads this loop's journal on another thread, and calls back on the reactor.
    var readDisk: (@escaping ([JournalRecord]) -> Void) -> Void = { $0([]) }
    /// Runs once, when all shards are open.
    var onOpen: (() -> Void)?

    init(_ limiter: LimiterConnection, _ settles: SettlePump, owner: String, log: Logger) {
        self.limiter = limiter
        self.settles = settles
        self.owner = owner
        self.log = log
        // Do not evict while recovering: requests evicted now would be missing from what was read from disk.
        settles.mayForget = { [unowned self] in fromDisk == nil && !isReading }
    }

    /// A connection to the Redis process with this `run_id` is up.
    func connected(to run: String) {
        let isNew = run != knownRun
        if isNew, !knownRun.isEmpty {
            log.warning("Redis is another process: replaying", metadata: ["run": "\(run.prefix(8))"])
        }
        knownRun = run
        for at in shards.indices {
            shards[at].isOpen = false
            shards[at].isAsking = false
            if isNew { shards[at].needsReplay = true }
        }
        tend()
    }

    func shut(_ shard: Shard) {
        guard shards[shard.index].isOpen else { return }
        shards[shard.index].isOpen = false
        tend()
    }

    /// Checks every shard: some may be lost.
    func shutAll() {
        for at in shards.indices { shards[at].isOpen = false }
        tend()
    }

    private func tend() {
        guard limiter.isConnected else { return }
        for shard in Shard.all where !shards[shard.index].isOpen && !shards[shard.index].isAsking { ask(shard) }
    }

    private func again() {
        guard !isWaiting else { return }
        isWaiting = true
        limiter.reactor.after(Self.againMs) { [self] in
            isWaiting = false
            tend()
        }
    }

    private func ask(_ shard: Shard) {
        if shards[shard.index].needsReplay, !limiter.generation(of: shard).isEmpty {
            shards[shard.index].needsReplay = false
            settles.replay(shard, owner: owner)
        }
        shards[shard.index].isAsking = true
        let fence = limiter.fence(of: shard)
        limiter.call({ RecoveryCalls.reopen(shard, owner: owner, fence, into: &$0) }) { [self] result in
            guard fence.run == limiter.fence(of: shard).run else { return }
            shards[shard.index].isAsking = false
            guard case .success(let value) = result, let items = value.array else { return again() }
            take(ReopenVerdict(reply: items.map { $0.string ?? "" }), shard)
        }
    }

    private func take(_ verdict: ReopenVerdict, _ shard: Shard) {
        switch verdict {
        case .open:
            shards[shard.index].isOpen = true
            settles.opened(shard)
            if shards.allSatisfy(\.isOpen) {
                fromDisk = nil
                onOpen?()
                onOpen = nil
            }
        case .otherLife(let generation):
            guard limiter.generation(of: shard).isEmpty || move(shard, to: generation) else { return }
            limiter.learn(generation: generation, of: shard)
            ask(shard)
        case .lost(let barrier):
            if let barrier, shards[shard.index].filedFor != barrier { file(shard, for: barrier) }
            // All shards are in one Redis: where one is lost, all are.
            for at in shards.indices { shards[at].isOpen = false }
            again()
        case .waiting, .unreadable: again()
        }
    }

    private func file(_ shard: Shard, for barrier: String) {
        guard recall(shard) else { return }
        shards[shard.index].filedFor = barrier
        settles.fileAll(shard, for: barrier) { [self] in
            limiter.call({ RecoveryCalls.appended(shard, owner: owner, generation: barrier, into: &$0) }) {
                [self] result in
                if case .failure = result, shards[shard.index].filedFor == barrier { shards[shard.index].filedFor = "" }
            }
        }
    }

    /// Moves to a generation that may have been rebuilt without this worker: what was not filed before is filed now.
    /// False when the disk has to be read first.
    private func move(_ shard: Shard, to generation: String) -> Bool {
        let isFiled = shards[shard.index].filedFor == generation
        guard isFiled || recall(shard) else { return false }
        limiter.learn(generation: generation, of: shard)
        settles.move(shard, to: generation, owner: owner)
        return true
    }

    /// Reloads evicted requests of this shard, to be sent again with the rest. False when the disk has to be read
    /// first.
    private func recall(_ shard: Shard) -> Bool {
        guard settles.hasForgotten(shard) else { return true }
        guard let fromDisk else {
            remember()
            return false
        }
        settles.remember(fromDisk[shard] ?? [], of: shard)
        return true
    }

    private func remember() {
        guard !isReading else { return }
        isReading = true
        readDisk { [self] records in
            isReading = false
            fromDisk = Dictionary(grouping: records, by: \.request.scopes.shard)
            tend()
        }
    }
}
