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

/// Ends at the first signal, and with it the worker begins to stop.
struct StopSignal: Service {
    let signals: UnixSignalsSequence
    let draining: Flag

    func run() async throws {
        var signal = signals.makeAsyncIterator()
        _ = await signal.next()
        draining.set()
    }
}

/// Adopts the rest of what dead workers left on this disk; ends early when the worker stops.
struct AdoptionService: Service {
    let adoption: Adoption
    /// `nil`: nothing is left.
    let left: [JournalRecord]?

    func run() async throws {
        guard let left else { return }
        await cancelWhenGracefulShutdown { await adoption.finish(left) }
    }
}

/// Accepts connections. When it stops it keeps the listeners open for the grace period, then lets requests finish until
/// the deadline, then cuts them.
struct ListenersService: Service {
    let loops: WorkerLoops
    let servers: [PublicServer]
    /// TLS connections that still have bytes to send.
    let openTLS: @Sendable () -> Int
    let signals: UnixSignalsSequence
    let settings: WorkerSettings
    let log: Logger

    func run() async throws {
        try? await gracefulShutdown()
        let forceShutdown = Flag()
        let secondSignal = Task {
            var signal = signals.makeAsyncIterator()
            if await signal.next() != nil { forceShutdown.set() }
        }
        await drain(forceShutdown)
        secondSignal.cancel()
    }

    private func drain(_ forceShutdown: Flag) async {
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
struct BackgroundTasks: Service {
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
struct LoopsService: Service {
    let loops: WorkerLoops
    let journals: JournalFolder
    let watchdog: LoopWatchdog

    func run() async throws {
        try? await gracefulShutdown()
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
