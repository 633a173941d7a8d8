internal import DataPlaneHTTP
internal import Foundation
internal import Journal
internal import KeyMaterial
internal import Logging
internal import Operations
internal import PlaneContract
internal import Reactor
internal import ResponseCache
internal import Routing
internal import Synchronization

/// The reactors of a worker and their contexts, reached from other threads through the reactor's queue.
final class WorkerLoops: Sendable {
    private struct Loop: @unchecked Sendable {
        let reactor: Reactor
        /// Confined to the reactor.
        let context: LoopContext
        let loopStatus: LoopStatus
    }

    private let loops: [Loop]
    private let opened: Countdown
    private let turn = Atomic(0)

    init(
        settings: WorkerSettings, workerID: String, journals: JournalFolder, digester: KeyDigester,
        cacheSecrets: CacheSecrets, memory: MemoryGuard, health: SharedHealthTable, metrics: MetricsRegistry,
        log: Logger
    ) {
        let opened = Countdown(settings.threads)
        let singleFlight = SingleFlight()
        let failedKeys = FailedKeyGuard(perMinute: settings.failedKeysPerMinute, metrics: metrics)
        self.opened = opened
        loops = (0..<settings.threads).map { number in
            let reactor = Reactor()
            let loopStatus = LoopStatus(loopID: ProcessName.loop(number, of: workerID))
            let name = "loop\(number)"
            reactor.onSlowTurn = SlowTurns(loopStatus.loopID, metrics, log).note
            let context = LoopContext(
                on: reactor, settings: settings, loopStatus: loopStatus, journal: journals.journal(name),
                digester: digester,
                cacheSecrets: cacheSecrets, singleFlight: singleFlight, memory: memory, failedKeys: failedKeys,
                health: health,
                metrics: metrics,
                log: log,
                onOpen: { opened.countDown() })
            context.recovery.readDisk = { reply in
                let reply = Unchecked(reply)
                Thread.detachNewThread {
                    let records = journals.records(of: name)
                    reactor.execute { reply.value(records) }
                }
            }
            return Loop(reactor: reactor, context: context, loopStatus: loopStatus)
        }
    }

    /// Starts the reactors; the journals must have their first files.
    func start() { for (number, loop) in loops.enumerated() { loop.reactor.start(name: "loop\(number)") } }

    /// Lets the first loop adopt requests of dead workers, as far as it has room.
    ///
    /// - Returns: how many of the records, from the first on, are now in its journal.
    func adopt(_ records: [JournalRecord]) async -> Int {
        let loop = loops[0]
        return await loop.reactor.submit { loop.context.adopt(records) }
    }

    /// Lets every loop connect to Redis.
    func begin() async { for loop in loops { await loop.reactor.submit { loop.context.begin() } } }

    /// Whether every loop has once had all shards open: before that, requests would be refused.
    var haveOpenedAllShards: Bool { opened.isOver }

    var loopStatuses: [LoopStatus] { loops.map(\.loopStatus) }

    var watched: [LoopWatchdog.Loop] {
        loops.map { LoopWatchdog.Loop(turns: $0.reactor.turns, loopStatus: $0.loopStatus) }
    }

    /// Whether the ledger has every request of every loop.
    func ledgerHasEverything() async -> Bool {
        for loop in loops where !(await loop.reactor.submit { loop.context.settlements.isEmpty }) { return false }
        return true
    }

    func forEach(_ body: @escaping @Sendable (LoopContext) -> Void) {
        for loop in loops { loop.reactor.execute { body(loop.context) } }
    }

    /// Runs `body` on every reactor, one after the other, and waits for all.
    func onEach(_ body: @escaping @Sendable (LoopContext) -> Void) async {
        for loop in loops { await loop.reactor.submit { body(loop.context) } }
    }

    /// Passes a connection to the loops, round robin.
    func adopt(_ descriptor: Int32, from address: PeerAddress) {
        let loop = loops[turn.add(1, ordering: .relaxed).newValue % loops.count]
        loop.reactor.execute { loop.context.adopt(descriptor, from: address) }
    }

    func unfinished() async -> Int {
        var sum = 0
        for loop in loops { sum += await loop.reactor.submit { loop.context.unfinished } }
        return sum
    }
}

/// A countdown to zero, from any thread.
private final class Countdown: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    func countDown() { left.subtract(1, ordering: .relaxed) }
    var isOver: Bool { left.load(ordering: .relaxed) <= 0 }
}
