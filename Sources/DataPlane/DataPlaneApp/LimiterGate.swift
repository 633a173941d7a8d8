internal import Admission
internal import GatewayModel
internal import Operations
internal import Reactor

/// Bounds what an event loop asks of the limiter on behalf of callers, and refuses early what could not be answered in time.
///
/// Calls that callers wait for (admissions, look-ups, peeks) go through here. What the loop owes (settles, reports of running
/// streams, recovery) does not: it has its place on the connection whatever callers ask for, behind no more admissions than may be under
/// way, and there is no more of it than was admitted.
final class LimiterGate {
    /// Calls under way. Who comes is served within a few rounds of so many, so few are kept under way as keep Redis and the loop busy.
    static let underWay = 16...256
    /// How much longer than the way to Redis and back a call may take, in microseconds: about what a turn with ten calls costs.
    static let spareUs: Int64 = 1_500
    /// Calls that wait for those. Each keeps its body, of 64 KiB at most, or has been let begin.
    static let waitingMax = 4_096
    /// While a key's first call has waited for this long, more of it are refused at once.
    static let waitMs: Int64 = 250
    /// A call that has waited longer all the same is refused when its turn comes.
    static let waitMsMax: Int64 = 2_000
    /// After how long a refused caller is asked to come back: between these, so that they do not come back together.
    static let comeBackMs: ClosedRange<Int64> = 500...1_500

    private struct Job {
        /// Of an admission.
        var id: String?
        var send: (@escaping (_ tookUs: Int64?) -> Void) -> Void
        var refuse: (GatewayError) -> Void
    }

    private let reactor: Reactor
    private let metrics: MetricsRegistry
    private var line: FairLine<Job>
    /// Admissions that wait.
    private var waitingIDs: Set<String> = []
    private var isServing = false
    private var random = Xoshiro256()

    /// - Parameter deadlineMs: the limiter's.
    init(on reactor: Reactor, deadlineMs: Int, metrics: MetricsRegistry) {
        self.reactor = reactor
        self.metrics = metrics
        line = FairLine(
            underWay: AdaptiveLimit(
                Self.underWay, start: 16, spareUs: Self.spareUs, mostUs: max(5_000, Int64(deadlineMs) * 1_000 / 5)),
            waitingMax: Self.waitingMax, waitMs: Self.waitMs)
    }

    /// Why a request of this caller would be refused, known before its body is read; `nil` when there is a place.
    func refusal(of caller: String) -> GatewayError? {
        line.hasPlace(for: caller, atMs: reactor.nowMs) ? nil : shed(caller)
    }

    /// Makes a call now or when its turn comes.
    ///
    /// - Parameters:
    ///   - caller: whose share it counts in: a key, or an address while the key is not known.
    ///   - id: of an admission that may be withdrawn.
    ///   - send: makes the call, and says when it is answered, with the time that took from the flush; `nil` when it was not sent.
    ///   - refuse: runs instead of `send`: the limiter was not asked.
    func call(
        for caller: String, id: String? = nil, send: @escaping (@escaping (_ tookUs: Int64?) -> Void) -> Void,
        refuse: @escaping (GatewayError) -> Void
    ) {
        let job = Job(id: id, send: send, refuse: refuse)
        switch line.enter(caller, job, atMs: reactor.nowMs) {
        case .goes: make(job, for: caller)
        case .waits: if let id { waitingIDs.insert(id) }
        case .isRefused: refuse(shed(caller))
        }
    }

    /// Its caller has left: an admission that still waits is not made. False when it was made.
    func withdraw(_ id: String) -> Bool { waitingIDs.remove(id) != nil }

    private func make(_ job: Job, for caller: String) {
        job.send { [self] tookUs in
            // Redis is away: it will be found by connecting anew.
            if tookUs == nil { line.forgetLeast() }
            line.ended(caller, tookUs: tookUs, atMs: reactor.nowMs)
            serve()
        }
    }

    /// An answer may come while a call is made, when the limiter cannot be reached: one loop serves them all.
    private func serve() {
        guard !isServing else { return }
        isServing = true
        while let (caller, job, waitedMs) = line.next(atMs: reactor.nowMs) {
            if let id = job.id, waitingIDs.remove(id) == nil {
                line.ended(caller, tookUs: nil, atMs: reactor.nowMs)
            } else if waitedMs > Self.waitMsMax {
                let error = shed(caller)
                line.ended(caller, tookUs: nil, atMs: reactor.nowMs)
                job.refuse(error)
            } else {
                make(job, for: caller)
            }
        }
        isServing = false
    }

    private func shed(_ caller: String) -> GatewayError {
        let isOver = line.isOverShare(caller)
        metrics.add("aihub_worker_shed_total", [("status", isOver ? "429" : "503")])
        let text =
            isOver
            ? "This key has more requests waiting than its share of what this worker serves. Send fewer at once, and retry."
            : "This worker has more requests waiting than it serves in time. Retry."
        var error = GatewayError(
            isOver ? .rateLimitExceeded : .overloaded, text,
            retryAfterMs: Int64.random(in: Self.comeBackMs, using: &random))
        error.isShed = true
        return error
    }
}
