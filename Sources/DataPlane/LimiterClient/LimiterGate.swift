internal import Admission
package import GatewayModel
package import Operations
package import Reactor

/// Bounds an event loop's limiter calls on behalf of clients, and refuses early what could not be answered in time.
///
/// Calls a client waits for (admissions, look-ups, peeks) go through the gate. Settles, progress reports and recovery
/// bypass it: they are bounded by what was admitted, and at most the gate's calls in flight are ahead of them on the
/// connection.
package final class LimiterGate {
    /// Calls in flight. A new call waits for a few rounds of that many, so no more are kept in flight than keep Redis
    /// and the loop busy.
    package static let inFlight = 16...256
    /// How much longer than the minimum round trip a call may take, in microseconds: about the cost of a turn with ten
    /// calls.
    static let spareUs: Int64 = 1_500
    /// Calls queued behind those. Each holds a body of at most 64 KiB, or is a `BeginRequest` or follows one.
    package static let queuedMax = 4_096
    /// Once a caller's first queued call has waited this long, further calls of that caller are refused at once.
    package static let waitMs: Int64 = 250
    /// A call that has still been queued for longer than this is refused when its turn comes.
    package static let waitMsMax: Int64 = 2_000
    /// Retry-After of refused calls: random, so that clients do not return together.
    package static let retryAfterMs: ClosedRange<Int64> = 500...1_500

    private struct Job {
        /// Set for an admission that may be withdrawn.
        var id: String?
        var send: (@escaping (_ tookUs: Int64?) -> Void) -> Void
        var refuse: (GatewayError) -> Void
    }

    private let reactor: Reactor
    private let metrics: MetricsRegistry
    private var queue: FairQueue<Job>
    /// Queued admissions that have not been withdrawn.
    private var queuedIDs: Set<String> = []
    private var isServing = false
    private var random = Xoshiro256()

    /// - Parameter deadlineMs: the limiter's call deadline; a fifth of it bounds the latency the gate accepts.
    package init(on reactor: Reactor, deadlineMs: Int, metrics: MetricsRegistry) {
        self.reactor = reactor
        self.metrics = metrics
        queue = FairQueue(
            inFlight: AdaptiveLimit(
                Self.inFlight, start: 16, spareUs: Self.spareUs, latencyUsMax: max(5_000, Int64(deadlineMs) * 1_000 / 5)
            ),
            queuedMax: Self.queuedMax, waitMs: Self.waitMs)
    }

    /// The error a call of this caller would get, known before the body is read; `nil` when it would be accepted.
    package func refusal(of caller: String) -> GatewayError? {
        queue.hasRoom(for: caller, atMs: reactor.nowMs) ? nil : shed(caller)
    }

    /// Makes a call now, queues it, or refuses it.
    ///
    /// - Parameters:
    ///   - caller: whose share it counts in: a key, or an address while the key is unknown.
    ///   - id: identifies an admission that may be withdrawn.
    ///   - send: makes the call and reports when it is answered, with the microseconds since its flush; `nil` when it
    ///     was not sent.
    ///   - refuse: runs instead of `send` when the limiter is not asked.
    package func call(
        for caller: String, id: String? = nil, send: @escaping (@escaping (_ tookUs: Int64?) -> Void) -> Void,
        refuse: @escaping (GatewayError) -> Void
    ) {
        let job = Job(id: id, send: send, refuse: refuse)
        switch queue.enqueue(caller, job, atMs: reactor.nowMs) {
        case .starts: start(job, for: caller)
        case .queued: if let id { queuedIDs.insert(id) }
        case .refused: refuse(shed(caller))
        }
    }

    /// Withdraws a queued admission whose client has left. False when it is no longer queued.
    package func withdraw(_ id: String) -> Bool { queuedIDs.remove(id) != nil }

    private func start(_ job: Job, for caller: String) {
        job.send { [self] tookUs in
            // Redis is unreachable. The next connection may reach another one, with another minimum latency.
            if tookUs == nil { queue.forgetMinimum() }
            queue.ended(caller, tookUs: tookUs, atMs: reactor.nowMs)
            serve()
        }
    }

    /// Makes queued calls as far as the limit allows. While the limiter is unreachable a call is answered before
    /// `start` returns: `isServing` turns that recursion into one loop.
    private func serve() {
        guard !isServing else { return }
        isServing = true
        while let (caller, job, waitedMs) = queue.next(atMs: reactor.nowMs) {
            if let id = job.id, queuedIDs.remove(id) == nil {
                queue.ended(caller, tookUs: nil, atMs: reactor.nowMs)
            } else if waitedMs > Self.waitMsMax {
                let error = shed(caller)
                queue.ended(caller, tookUs: nil, atMs: reactor.nowMs)
                job.refuse(error)
            } else {
                start(job, for: caller)
            }
        }
        isServing = false
    }

    private func shed(_ caller: String) -> GatewayError {
        let isOver = queue.isOverShare(caller)
        metrics.add("aihub_worker_shed_total", [("status", isOver ? "429" : "503")])
        let text =
            isOver
            ? "This key has more requests waiting than its share of this worker's capacity. Send fewer at once, then retry."
            : "This worker has more requests waiting than it can serve in time. Retry."
        var error = GatewayError(
            isOver ? .rateLimitExceeded : .overloaded, text,
            retryAfterMs: Int64.random(in: Self.retryAfterMs, using: &random))
        error.isShed = true
        return error
    }
}
