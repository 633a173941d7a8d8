internal import Admission
internal import Journal
internal import Logging
internal import PlaneContract
internal import Reactor
internal import Redis

/// Brings one event loop and Redis to the same view of every shard, at the start and whenever Redis was restarted, failed over
/// or wiped: what this loop knows is told again, then it says that it is through. Redis opens a shard when all have.
final class ShardRecovery {
    private static let againMs: Int64 = 50

    private struct State {
        var isOpen = false
        var isAsking = false
        var needsReplay = false
        /// The life for which everything was filed.
        var filedFor = ""
    }

    private let limiter: LimiterConnection
    private let settles: SettlePump
    private let owner: String
    private let log: Logger
    private var shards = [State](repeating: State(), count: Shard.count)
    private var isWaiting = false
    private var knownRun = ""
    /// What only the disk remembers, by shard; read when a loss is met, dropped when it is over.
    private var fromDisk: [Shard: [JournalRecord]]?
    private var isReading = false
    /// Reads this loop's journal from the disk, elsewhere, and calls back on the reactor.
    var readDisk: (@escaping ([JournalRecord]) -> Void) -> Void = { $0([]) }
    /// Runs once, when every shard has been open.
    var onOpen: (() -> Void)?

    init(_ limiter: LimiterConnection, _ settles: SettlePump, owner: String, log: Logger) {
        self.limiter = limiter
        self.settles = settles
        self.owner = owner
        self.log = log
        // What is read of the disk stays all there is until the loss is over.
        settles.mayForget = { [unowned self] in fromDisk == nil && !isReading }
    }

    /// A connection stands, to this process of Redis.
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

    /// Looks at every shard: one of them may be lost.
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
            // Where one shard is lost, all are.
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

    /// Everything was put back while this worker was not there to file: it does so now. False when the disk is asked first.
    private func move(_ shard: Shard, to generation: String) -> Bool {
        let isFiled = shards[shard.index].filedFor == generation
        guard isFiled || recall(shard) else { return false }
        limiter.learn(generation: generation, of: shard)
        settles.move(shard, to: generation, owner: owner)
        return true
    }

    /// Has what only the disk remembers of this shard told with the rest. False when the disk has to be read first.
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
