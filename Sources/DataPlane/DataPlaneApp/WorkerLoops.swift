internal import DataPlaneHTTP
internal import Foundation
internal import Journal
internal import KeyMaterial
internal import Logging
internal import Operations
internal import Reactor
internal import ResponseCache
internal import Routing
internal import Synchronization

/// The reactors of a worker and their services, reached from other threads through the reactor's queue.
final class WorkerLoops: Sendable {
    private struct Loop: @unchecked Sendable {
        let reactor: Reactor
        /// Confined to the reactor.
        let services: LoopServices
        let pulse: LoopPulse
    }

    private let loops: [Loop]
    private let opened: Countdown
    private let turn = Atomic(0)

    init(
        settings: WorkerSettings, owner: String, journals: JournalFolder, digester: KeyDigester,
        cacheSecrets: CacheSecrets, memory: MemoryGuard, health: SharedHealthTable, metrics: MetricsRegistry,
        log: Logger
    ) {
        let opened = Countdown(settings.threads)
        let flights = FlightBoard()
        let failedKeys = FailedKeyGuard(perMinute: settings.failedKeysPerMinute, metrics: metrics)
        self.opened = opened
        loops = (0..<settings.threads).map { number in
            let reactor = Reactor()
            let pulse = LoopPulse(owner: "\(owner).\(number)")
            let name = "loop\(number)"
            reactor.onSlowTurn = SlowTurns(pulse.owner, metrics, log).note
            let services = LoopServices(
                on: reactor, settings: settings, pulse: pulse, journal: journals.journal(name), digester: digester,
                cacheSecrets: cacheSecrets, flights: flights, memory: memory, failedKeys: failedKeys, health: health,
                metrics: metrics,
                log: log,
                onOpen: { opened.countDown() })
            services.recovery.readDisk = { reply in
                let reply = Unchecked(reply)
                Thread.detachNewThread {
                    let records = journals.records(of: name)
                    reactor.execute { reply.value(records) }
                }
            }
            return Loop(reactor: reactor, services: services, pulse: pulse)
        }
    }

    /// Starts the reactors; the journals must have their first files.
    func start() { for (number, loop) in loops.enumerated() { loop.reactor.start(name: "loop\(number)") } }

    /// Lets the first loop adopt requests of dead workers, as far as it has room.
    ///
    /// - Returns: how many of the records, from the first on, are now in its journal.
    func adopt(_ records: [JournalRecord]) async -> Int {
        let loop = loops[0]
        return await loop.reactor.submit { loop.services.adopt(records) }
    }

    /// Lets every loop connect to Redis.
    func begin() async { for loop in loops { await loop.reactor.submit { loop.services.begin() } } }

    /// Whether every loop has once had all shards open: before that, requests would be refused.
    var haveMetRedis: Bool { opened.isOver }

    var pulses: [LoopPulse] { loops.map(\.pulse) }

    var watched: [LoopWatchdog.Loop] { loops.map { LoopWatchdog.Loop(turns: $0.reactor.turns, pulse: $0.pulse) } }

    /// Whether the ledger has every request of every loop.
    func owesNothing() async -> Bool {
        for loop in loops where !(await loop.reactor.submit { loop.services.settles.isEmpty }) { return false }
        return true
    }

    func forEach(_ body: @escaping @Sendable (LoopServices) -> Void) {
        for loop in loops { loop.reactor.execute { body(loop.services) } }
    }

    /// Runs `body` on every reactor, one after the other, and waits for all.
    func onEach(_ body: @escaping @Sendable (LoopServices) -> Void) async {
        for loop in loops { await loop.reactor.submit { body(loop.services) } }
    }

    /// Passes a connection to the loops, round robin.
    func adopt(_ descriptor: Int32, from address: PeerAddress) {
        let loop = loops[turn.add(1, ordering: .relaxed).newValue % loops.count]
        loop.reactor.execute { loop.services.adopt(descriptor, from: address) }
    }

    func unfinished() async -> Int {
        var sum = 0
        for loop in loops { sum += await loop.reactor.submit { loop.services.unfinished } }
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
