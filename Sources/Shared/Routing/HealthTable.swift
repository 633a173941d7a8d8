internal import PlaneContract

/// What a worker knows about all deployments, and whether their providers can be reached.
///
/// It is a value: the choice of a route is a pure function of it.
package struct HealthTable: Sendable {
    /// How long a breaker stays open the first time, in milliseconds.
    package static let openMs: Int64 = 5_000
    /// Further deployments are not measured.
    package static let deploymentsMax = 4_096

    package private(set) var deployments: [String: DeploymentHealth] = [:]
    /// Breakers fed only by connections: an unreachable provider takes out all its deployments at once.
    private var providers: [String: CircuitBreaker] = [:]
    /// The provider of each measured deployment.
    private var providerNames: [String: String] = [:]
    private let openMs: Int64
    package var budget = RetryBudget()

    package init(openMs: Int64 = HealthTable.openMs) { self.openMs = openMs }

    package subscript(deployment: String) -> DeploymentHealth { deployments[deployment] ?? DeploymentHealth() }

    /// - Parameter key: the key to judge for; `nil` for the view all other keys share.
    package func standing(of target: RouteTarget, for key: KeyMark? = nil, atMs now: Int64) -> Standing {
        standing(of: target.deployment.id, at: target.deployment.provider, for: key, atMs: now)
    }

    /// The text shared with other workers.
    package func text(of deployment: String, atMs now: Int64, wallMs: Int64) -> String {
        self[deployment].text(standing(of: deployment, atMs: now), atMs: now, wallMs: wallMs)
    }

    package func isOut(_ deployment: String, atMs now: Int64) -> Bool { standing(of: deployment, atMs: now).isOut }

    private func standing(of deployment: String, atMs now: Int64) -> Standing {
        standing(of: deployment, at: providerNames[deployment] ?? "", for: nil, atMs: now)
    }

    private func standing(
        of deployment: String, at provider: String, for key: KeyMark?, atMs now: Int64
    ) -> Standing {
        let own = self[deployment].standing(for: key, atMs: now)
        guard !own.isOut, let breaker = providers[provider] else { return own }
        switch breaker.standing(atMs: now) {
        case .closed: return own
        case .probeDue: return .probeDue
        case .open(let until): return .out("provider_unreachable", untilMs: until)
        }
    }

    package mutating func claimProbe(of target: RouteTarget, for key: KeyMark, atMs now: Int64) {
        deployments[target.deployment.id]?.claimProbe(for: key, atMs: now)
        providers[target.deployment.provider]?.claimProbe(atMs: now)
    }

    /// - Parameter isFirst: whether this is the request's first attempt.
    package mutating func began(
        _ target: RouteTarget, for key: KeyMark, streams: Bool, isFirst: Bool, atMs now: Int64
    ) {
        if isFirst { budget.deposit() }
        guard deployments[target.deployment.id] != nil || deployments.count < Self.deploymentsMax else { return }
        deployments[target.deployment.id, default: DeploymentHealth()].began(for: key, streams: streams, atMs: now)
        providerNames[target.deployment.id] = target.deployment.provider
        providers[target.deployment.provider]?.attemptBegan(atMs: now)
    }

    package mutating func note(_ report: AttemptReport, atMs now: Int64) {
        deployments[report.deployment]?.note(report, openMs: openMs, atMs: now)
        switch report.note {
        case .failed(.unreachable, _):
            guard providers[report.provider] != nil || providers.count < Self.deploymentsMax else { return }
            providers[report.provider, default: CircuitBreaker()].failed(
                startedMs: report.startedMs, atMs: now, openMs: openMs)
        case .failed(.slow, _), .failed(.insecure, _), .noVerdict:
            providers[report.provider]?.probeReleased(atMs: now)
        case .firstToken, .answered, .failed:
            providers[report.provider]?.succeeded(startedMs: report.startedMs, atMs: now)
        case .streamed: break
        }
    }

    /// Applies a new configuration: forgets deployments that were removed or changed, and all provider breakers.
    package mutating func keep(_ isTheSame: (String) -> Bool) {
        deployments = deployments.filter { isTheSame($0.key) }
        providerNames = providerNames.filter { deployments[$0.key] != nil }
        providers.removeAll(keepingCapacity: true)
    }

    /// Takes over another worker's measurements of a deployment that is not known here.
    package mutating func adopt(_ health: DeploymentHealth, of deployment: String) {
        guard deployments[deployment] == nil, deployments.count < Self.deploymentsMax else { return }
        deployments[deployment] = health
    }
}

/// Limits second tries of the same deployment to a share of the traffic: in an outage everything would be sent twice.
package struct RetryBudget: Sendable, Equatable {
    /// One retry per this many requests.
    package static let requestsEach = 5
    /// The most retries that can be saved up, and the number at the start.
    package static let savedMax = 20
    package static let initial = 3

    /// Savings, counted in requests.
    private var saved = RetryBudget.initial * RetryBudget.requestsEach

    package init() {}

    package mutating func deposit() { saved = min(saved + 1, Self.savedMax * Self.requestsEach) }

    package mutating func withdraw() -> Bool {
        guard saved >= Self.requestsEach else { return false }
        saved -= Self.requestsEach
        return true
    }
}
