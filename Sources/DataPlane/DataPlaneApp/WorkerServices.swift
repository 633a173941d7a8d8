internal import DataPlaneHTTP
internal import EventLoops
internal import Journal
internal import Logging
internal import LoopWatch
internal import ServiceLifecycle
internal import Settlement
internal import Synchronization
internal import UnixSignals
internal import WorkerConfiguration

/// A service whose name is all that a log may show of it: `ServiceGroup` logs descriptions, and those of settings hold
/// secrets.
protocol WorkerService: Service, CustomStringConvertible {}

extension WorkerService {
    var description: String { "\(Self.self)" }
}

/// Ends at the first signal, and with it the worker begins to stop; a second one sets `forceShutdown`.
struct StopSignal: WorkerService {
    /// Allows one iterator only.
    let signals: UnixSignalsSequence
    let draining: Flag
    let forceShutdown: Flag

    func run() async throws {
        var signal = signals.makeAsyncIterator()
        _ = await signal.next()
        draining.set()
        Task { [signal, forceShutdown] in
            var signal = signal
            if await signal.next() != nil { forceShutdown.set() }
        }
    }
}

/// Adopts the rest of what dead workers left on this disk, and is told to end when the worker stops.
///
/// Nobody waits for its end but `LoopsService`: looking through gigabytes of journals must not keep the drain from
/// beginning.
struct AdoptionService: WorkerService {
    /// `nil`: nothing is left.
    let adopting: Task<Void, Never>?

    init(_ adoption: Adoption, left: [JournalRecord]?) {
        adopting = left.map { left in Task { await adoption.finish(left) } }
    }

    func run() async throws {
        try? await gracefulShutdown()
        adopting?.cancel()
    }
}

/// Accepts connections. When it stops it keeps the listeners open for the grace period, then lets requests finish until
/// the deadline, then cuts them.
struct ListenersService: WorkerService {
    let loops: WorkerLoops
    let servers: [PublicServer]
    /// TLS connections that still have bytes to send.
    let openTLS: @Sendable () -> Int
    /// Cuts the drain short.
    let forceShutdown: Flag
    let settings: WorkerSettings
    let log: Logger

    func run() async throws {
        try? await gracefulShutdown()
        log.info("draining", metadata: ["seconds": "\(settings.drainSeconds)"])
        loops.drain()
        await wait(seconds: settings.listenerGraceSeconds, forceShutdown) { false }
        await loops.stopListening()
        for server in servers { server.close() }
        loops.drain()
        await wait(seconds: settings.drainSeconds, forceShutdown) { await loops.unfinished() == 0 && openTLS() == 0 }
        loops.shutDownRequests()
        // Requests cut now must still be settled, second signal or not.
        await wait(seconds: 2, Flag()) { await loops.unfinished() == 0 }
    }

    private func wait(seconds: Int, _ forceShutdown: Flag, until done: @Sendable () async -> Bool) async {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline, !forceShutdown.isSet {
            if await done() { return }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// What a worker does beside its requests. All of it ends together, because each may have to wait for a reply.
struct BackgroundTasks: WorkerService {
    let bodies: [@Sendable () async -> Void]
    /// Runs once all have ended.
    let stopped: @Sendable () async -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in for body in bodies { group.addTask { await body() } } }
        }
        await stopped()
    }

    func adding(_ more: [@Sendable () async -> Void]) -> Self { Self(bodies: bodies + more, stopped: stopped) }
}

/// Journals and loops, which run already: the first to start, so the last to stop.
struct LoopsService: WorkerService {
    let loops: WorkerLoops
    let journals: JournalFolder
    let watchdog: LoopWatchdog
    let adopting: Task<Void, Never>?

    func run() async throws {
        try? await gracefulShutdown()
        await adopting?.value
        let ledgerHasEverything = await loops.ledgerHasEverything()
        watchdog.stop()
        loops.stop()
        journals.stop(removing: ledgerHasEverything)
    }
}

/// A one-way flag shared by tasks.
final class Flag: Sendable {
    private let value = Mutex(false)

    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}
