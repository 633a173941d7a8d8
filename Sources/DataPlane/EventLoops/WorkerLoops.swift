internal import CacheClient
package import DataPlaneHTTP
internal import Foundation
package import Journal
internal import KeyDirectory
package import KeyMaterial
package import Logging
package import LoopWatch
package import Operations
internal import PlaneContract
package import ProcessLimits
package import Reactor
package import ResponseCache
package import Routing
internal import Settlement
internal import Synchronization
package import WorkerConfiguration

/// The reactors of a worker and their contexts, reached from other threads through the reactor's queue.
package final class WorkerLoops: Sendable {
    private struct Loop: @unchecked Sendable {
        let reactor: Reactor
        /// Confined to the reactor.
        let context: LoopContext
        let loopStatus: LoopStatus
    }

    private let loops: [Loop]
    private let opened: Countdown
    private let turn = Atomic(0)

    /// - Parameter workerID: prefix of the loops' IDs.
    package init(
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
    package func start() { for (number, loop) in loops.enumerated() { loop.reactor.start(name: "loop\(number)") } }

    /// Lets the first loop adopt requests of dead workers, as far as it has room.
    ///
    /// - Returns: how many of the records, from the first on, are now in its journal.
    package func adopt(_ records: [JournalRecord]) async -> Int {
        let loop = loops[0]
        return await loop.reactor.submit { loop.context.adopt(records) }
    }

    /// Lets every loop connect to Redis.
    package func begin() async { for loop in loops { await loop.reactor.submit { loop.context.begin() } } }

    /// Whether every loop has once had all shards open: before that, requests would be refused.
    package var haveOpenedAllShards: Bool { opened.isOver }

    /// One for each loop.
    package var loopStatuses: [LoopStatus] { loops.map(\.loopStatus) }

    /// What the watchdog watches.
    package var watched: [LoopWatchdog.Loop] {
        loops.map { LoopWatchdog.Loop(turns: $0.reactor.turns, loopStatus: $0.loopStatus) }
    }

    /// Whether the ledger has every request of every loop.
    package func ledgerHasEverything() async -> Bool {
        for loop in loops where !(await loop.reactor.submit { loop.context.settlements.isEmpty }) { return false }
        return true
    }

    /// Requests still running, and settles that Redis has not confirmed.
    package func unfinished() async -> Int {
        var sum = 0
        for loop in loops { sum += await loop.reactor.submit { loop.context.unfinished } }
        return sum
    }

    // MARK: Connections

    /// Accepts the server's connections on every loop.
    package func serve(_ server: PublicServer) { forEach { $0.serve(server) } }

    /// Passes a connection, its TLS already terminated, to the loops, round robin.
    package func adopt(_ descriptor: Int32, from address: PeerAddress) {
        let loop = loops[turn.add(1, ordering: .relaxed).newValue % loops.count]
        loop.reactor.execute { loop.context.adopt(descriptor, from: address) }
    }

    /// Returns once no loop accepts connections any more; open ones stay.
    package func stopListening() async {
        for loop in loops { await loop.reactor.submit { loop.context.stopListening() } }
    }

    /// Connections are closed after their response from now on.
    package func drain() { forEach { $0.drain() } }

    /// Ends the requests that still run.
    package func shutDownRequests() { forEach { $0.shutDownRequests() } }

    /// Closes the connections to Redis and ends the reactors' threads.
    package func stop() { forEach { $0.stop() } }

    // MARK: Configuration

    /// Routes by this table from now on.
    package func use(_ table: RoutingTable) { forEach { $0.use(table) } }
    /// Digests keys with these peppers from now on.
    package func use(_ digester: KeyDigester) { forEach { $0.use(digester) } }
    /// Seals and opens cached answers with these secrets from now on.
    package func use(_ secrets: CacheSecrets) { forEach { $0.use(secrets) } }

    /// Evicts the record of a key that is older than `version`.
    package func forgetKey(digest: String, before version: Int64) {
        forEach { $0.keys.forget(digest: digest, before: version) }
    }

    /// Redis may have lost its counters: asks for the state of every shard.
    package func checkShards() { forEach { $0.recovery.closeAll() } }

    private func forEach(_ body: @escaping @Sendable (LoopContext) -> Void) {
        for loop in loops { loop.reactor.execute { body(loop.context) } }
    }
}

/// A countdown to zero, from any thread.
private final class Countdown: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    func countDown() { left.subtract(1, ordering: .relaxed) }
    var isOver: Bool { left.load(ordering: .relaxed) <= 0 }
}
