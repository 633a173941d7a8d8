internal import Admission
internal import Logging
internal import Operations
internal import Reactor
internal import Redis

/// Sees every settle through: sent at once, repeated with the same bytes until Redis has it. A repeated settle changes
/// nothing, so a lost reply does no harm.
final class SettlePump {
    /// Settles that may wait. Above it nothing new is admitted.
    static let waitingMax = 50_000
    private static let retryMsMin: Int64 = 50
    private static let retryMsMax: Int64 = 5_000

    private let limiter: LimiterConnection
    private let metrics: MetricsRegistry
    private let log: Logger
    private(set) var waiting = 0

    init(_ limiter: LimiterConnection, metrics: MetricsRegistry, log: Logger) {
        self.limiter = limiter
        self.metrics = metrics
        self.log = log
    }

    var isFull: Bool { waiting >= Self.waitingMax }

    func settle(_ request: SettleRequest) {
        waiting += 1
        send(request, retryMs: Self.retryMsMin)
    }

    private func send(_ request: SettleRequest, retryMs: Int64) {
        let shard = request.scopes.shard
        let used = limiter.fence(of: shard).generation
        limiter.call({ request.write(generation: used, into: &$0) }) { [self] result in
            if case .success(let value) = result, let items = value.array {
                switch items.first?.string {
                case "0", "1":
                    waiting -= 1
                    return
                case "3":
                    limiter.learn(generation: items.dropFirst().first?.string ?? "", of: shard)
                    if limiter.fence(of: shard).generation != used { return send(request, retryMs: retryMs) }
                default: break
                }
            }
            if case .failure(.refused(let message)) = result {
                log.error("settle refused", metadata: ["reason": "\(message)", "request": "\(request.id)"])
            }
            metrics.add("aihub_worker_settle_retries_total")
            limiter.reactor.after(retryMs) { [self] in
                send(request, retryMs: min(retryMs * 2, Self.retryMsMax))
            }
        }
    }

    /// Progress is worth one try: the next report says more.
    func report(_ report: ProgressReport, owner: String) {
        let generation = limiter.fence(of: report.scopes.shard).generation
        limiter.call({ report.write(generation: generation, owner: owner, into: &$0) }) { _ in }
    }
}
