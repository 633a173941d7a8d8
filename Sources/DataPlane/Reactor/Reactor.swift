internal import CLinux
internal import Foundation
internal import Glibc

/// The owner of a descriptor that a reactor watches.
package protocol EventSource: AnyObject {
    /// The descriptor is ready. Level-triggered: called again in the next turn for what is left unread.
    func ready(_ readiness: Readiness)
    /// A deadline requested with `Reactor.wake(_:atMs:)` is due. It may be outdated, so check the clock.
    func deadlineReached()
}

/// Work at the end of every turn: commands to send in one write, callbacks of libcurl to deliver.
package protocol TurnHook: AnyObject {
    /// When the hook needs a turn even if nothing happens, in the reactor's milliseconds; `.max` for never.
    var dueMs: Int64 { get }
    /// Called once at the end of every turn, on the reactor's thread.
    func turnEnds()
}

/// An event loop on its own thread.
///
/// It serves the sockets of clients, Redis and providers (libcurl) together, so that a request never changes threads.
/// Only `execute`, `submit` and `turns` may be used from other threads.
///
/// A turn: wait, dispatch readiness and the inbox, fire deadlines, then let every hook finish the turn. Readiness comes
/// before deadlines: after the process itself was stopped for a while, a peer's data is waiting, and its timeout must
/// not fire first.
package final class Reactor: @unchecked Sendable {
    private static let eventsPerTurn = 512
    /// How many turns in a row may postpone deadlines because more descriptors are ready than one turn dispatches.
    private static let crowdedTurnsMax = 64
    private static let idleMsMax: Int64 = 1_000
    /// A turn longer than this delays everything else on the loop and is reported.
    package static let slowTurnMs: Int64 = 100

    /// Monotonic milliseconds, read once a turn.
    package private(set) var nowMs: Int64
    private let epoll: Int32
    private let wakeup: Int32
    private var sources: [(source: (any EventSource)?, generation: UInt32)] = []
    private var deadlines = DeadlineHeap<Watch>()
    private var timers = DeadlineHeap<() -> Void>()
    private var hooks: [any TurnHook] = []
    private var stopped = false
    /// Statistics for other threads.
    package let turns = LoopTurns()
    /// Called after a turn longer than `slowTurnMs`, with its length and the stage it was slow in.
    package var onSlowTurn: ((_ milliseconds: Int64, _ stage: LoopStage) -> Void)?
    private let lock = NSLock()
    private var inbox: [@Sendable () -> Void] = []

    /// Identifies one registration of a descriptor, whose number may have been reused since.
    private struct Watch {
        var descriptor: Int32
        var generation: UInt32
    }

    package init() {
        nowMs = Self.clockMs()
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        precondition(epoll >= 0 && wakeup >= 0, "out of file descriptors at start")
        var event = epoll_event(events: EPOLLIN.rawValue, data: .init(u64: UInt64(UInt32(bitPattern: wakeup))))
        epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event)
    }

    /// - Parameter name: the thread's, at most 15 bytes.
    package func start(name: String = "loop") {
        Thread.detachNewThread {
            Self.nameThread(name)
            self.run()
        }
    }

    /// Names the calling thread, for tools that inspect the process.
    ///
    /// - Parameter name: at most 15 bytes; a longer one has no effect (pthread_setname_np(3)).
    package static func nameThread(_ name: String) { _ = pthread_setname_np(pthread_self(), name) }

    /// Records what the turn does from here on.
    package func enter(_ stage: LoopStage) { turns.enter(stage) }

    /// Runs `work` on the reactor's thread, in this turn or the next.
    package func execute(_ work: @escaping @Sendable () -> Void) {
        let wasEmpty = lock.withLock {
            inbox.append(work)
            return inbox.count == 1
        }
        if wasEmpty { eventfd_write(wakeup, 1) }
    }

    /// Runs `work` on the reactor's thread and returns its result.
    package func submit<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in execute { continuation.resume(returning: work()) } }
    }

    /// Ends the thread after the current turn. Only on the reactor's thread.
    package func stop() { stopped = true }

    /// Adds a hook, which is retained until it is removed. Hooks run in the order they were added.
    package func add(_ hook: any TurnHook) { hooks.append(hook) }
    /// Removes a hook; it may do this itself during `turnEnds`.
    package func remove(_ hook: any TurnHook) { hooks.removeAll { $0 === hook } }

    // MARK: Descriptors

    /// Reports the descriptor's readiness to `source`, which is retained until `unwatch`. A descriptor has one source.
    package func watch(_ descriptor: Int32, for interest: Readiness, _ source: any EventSource) {
        let at = Int(descriptor)
        while sources.count <= at { sources.append((nil, 0)) }
        sources[at].generation &+= 1
        sources[at].source = source
        control(EPOLL_CTL_ADD, descriptor, interest)
    }

    /// Changes what a watched descriptor is watched for.
    package func change(_ descriptor: Int32, to interest: Readiness) { control(EPOLL_CTL_MOD, descriptor, interest) }

    /// Must be called before the descriptor is closed.
    package func unwatch(_ descriptor: Int32) {
        control(EPOLL_CTL_DEL, descriptor, .none)
        sources[Int(descriptor)].source = nil
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ interest: Readiness) {
        let key = UInt64(sources[Int(descriptor)].generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        var event = epoll_event(events: interest.rawValue, data: .init(u64: key))
        epoll_ctl(epoll, operation, descriptor, &event)
    }

    // MARK: Time

    /// Calls the source's `deadlineReached` at that time, unless the descriptor is unwatched first.
    package func wake(_ descriptor: Int32, atMs: Int64) {
        deadlines.push(Watch(descriptor: descriptor, generation: sources[Int(descriptor)].generation), at: atMs)
    }

    /// Runs `work` once, `milliseconds` after the start of this turn or later. It cannot be cancelled.
    package func after(_ milliseconds: Int64, _ work: @escaping () -> Void) {
        timers.push(work, at: nowMs + milliseconds)
    }

    /// Monotonic milliseconds (CLOCK_MONOTONIC), read now; `nowMs` is cheaper.
    package static func clockMs() -> Int64 { clockUs() / 1_000 }

    /// Monotonic microseconds.
    package static func clockUs() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }

    /// Milliseconds since 1970 UTC (CLOCK_REALTIME), read now.
    package static func wallMs() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
    }

    // MARK: Turns

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: Self.eventsPerTurn)
        var crowdedTurns = 0
        while !stopped {
            let waitMs = nextWaitMs()
            let count = Int(epoll_wait(epoll, &events, Int32(events.count), waitMs))
            turns.begin()
            nowMs = Self.clockMs()
            // Interrupted, for example by SIGCONT, without reporting what is ready.
            guard count >= 0 else { continue }
            for at in 0..<count { dispatch(events[at]) }
            crowdedTurns = count < events.count || crowdedTurns >= Self.crowdedTurnsMax ? 0 : crowdedTurns + 1
            if crowdedTurns == 0, min(deadlines.nextMs, timers.nextMs) <= nowMs {
                // Hooks deliver what was ready before any deadline can fire for it.
                endTurn()
                fireDeadlines()
            }
            endTurn()
        }
        close(wakeup)
        close(epoll)
    }

    private func endTurn() {
        enter(.hooks)
        // A hook may remove itself or add another one while it runs.
        var at = 0
        while at < hooks.count {
            hooks[at].turnEnds()
            at += 1
        }
    }

    private func dispatch(_ event: epoll_event) {
        let descriptor = Int32(truncatingIfNeeded: event.data.u64)
        if descriptor == wakeup { return runInbox() }
        enter(.socket)
        let watched = sources[Int(descriptor)]
        // The source may have been replaced by an event dispatched earlier in this turn.
        guard watched.generation == UInt32(truncatingIfNeeded: event.data.u64 >> 32) else { return }
        watched.source?.ready(Readiness(rawValue: event.events))
    }

    private func runInbox() {
        enter(.inbox)
        var counter: eventfd_t = 0
        eventfd_read(wakeup, &counter)
        let work = lock.withLock {
            defer { inbox.removeAll() }
            return inbox
        }
        for item in work { item() }
    }

    private func fireDeadlines() {
        enter(.deadlines)
        while let watch = deadlines.pop(dueBy: nowMs) {
            let watched = sources[Int(watch.descriptor)]
            if watched.generation == watch.generation { watched.source?.deadlineReached() }
        }
        while let work = timers.pop(dueBy: nowMs) { work() }
    }

    /// - Returns: how long the reactor may wait for the next event, in milliseconds.
    private func nextWaitMs() -> Int32 {
        let now = Self.clockMs()
        if now - nowMs > Self.slowTurnMs, turns.count > 0 { onSlowTurn?(now - nowMs, turns.longest) }
        enter(.waiting)
        var due = min(deadlines.nextMs, timers.nextMs)
        for hook in hooks { due = min(due, hook.dueMs) }
        return Int32(clamping: min(max(0, due - now), Self.idleMsMax))
    }
}
