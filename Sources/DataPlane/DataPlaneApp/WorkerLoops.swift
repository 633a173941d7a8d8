internal import DataPlaneHTTP
internal import KeyMaterial
internal import Logging
internal import Operations
internal import Reactor
internal import Synchronization

/// The reactors of a worker, each with the services of its requests, reached from outside by hopping onto it.
final class WorkerLoops: Sendable {
    private struct Loop: @unchecked Sendable {
        let reactor: Reactor
        /// Touched on the reactor alone.
        let services: LoopServices
    }

    private let loops: [Loop]
    private let reached: Countdown
    private let turn = Atomic(0)

    init(
        settings: WorkerSettings, owner: String, digester: KeyDigester, memory: MemoryGuard, metrics: MetricsRegistry,
        log: Logger
    ) {
        let reached = Countdown(settings.threads)
        self.reached = reached
        loops = (0..<settings.threads).map { _ in
            let reactor = Reactor()
            let services = LoopServices(
                on: reactor, settings: settings, owner: owner, digester: digester, memory: memory, metrics: metrics,
                log: log, onReached: { reached.countDown() })
            return Loop(reactor: reactor, services: services)
        }
        for loop in loops { loop.reactor.start() }
    }

    /// Whether every reactor has reached the state Redis once: before that, each request would be refused.
    var haveReachedRedis: Bool { reached.isOver }

    func forEach(_ body: @escaping @Sendable (LoopServices) -> Void) {
        for loop in loops { loop.reactor.execute { body(loop.services) } }
    }

    /// Runs `body` on every reactor and waits until it is done on all.
    func onEach(_ body: @escaping @Sendable (LoopServices) -> Void) async {
        for loop in loops { await loop.reactor.submit { body(loop.services) } }
    }

    /// Gives a connection to the loops in turn.
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

/// Counts down to nothing, from any thread.
private final class Countdown: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    func countDown() { left.subtract(1, ordering: .relaxed) }
    var isOver: Bool { left.load(ordering: .relaxed) <= 0 }
}
