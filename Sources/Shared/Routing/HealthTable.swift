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

    /// - Parameter openMs: how long a breaker stays open the first time, in milliseconds.
    package init(openMs: Int64 = HealthTable.openMs) { self.openMs = openMs }

    /// The health of a deployment by its id; that of a new one when it was never tried.
    package subscript(deployment: String) -> DeploymentHealth { deployments[deployment] ?? DeploymentHealth() }

    /// Like the deployment's own availability, but out while its provider cannot be reached.
    ///
    /// - Parameter key: the key of the request; `nil` for the view that all other keys share.
    package func availability(of target: RouteTarget, for key: KeyHash? = nil, atMs now: Int64) -> Availability {
        availability(of: target.deployment.id, at: target.deployment.provider, for: key, atMs: now)
    }

    /// The text shared with other workers.
    package func text(of deployment: String, atMs now: Int64, wallMs: Int64) -> String {
        self[deployment].text(availability(of: deployment, atMs: now), atMs: now, wallMs: wallMs)
    }

    /// Whether the deployment is out for all keys.
    package func isOut(_ deployment: String, atMs now: Int64) -> Bool { availability(of: deployment, atMs: now).isOut }

    private func availability(of deployment: String, atMs now: Int64) -> Availability {
        availability(of: deployment, at: providerNames[deployment] ?? "", for: nil, atMs: now)
    }

    private func availability(
        of deployment: String, at provider: String, for key: KeyHash?, atMs now: Int64
    ) -> Availability {
        let own = self[deployment].availability(for: key, atMs: now)
        guard !own.isOut, let breaker = providers[provider] else { return own }
        switch breaker.availability(atMs: now) {
        case .closed: return own
        case .probeDue: return .probeDue
        case .open(let until): return .out("provider_unreachable", untilMs: until)
        }
    }

    /// Reserves the probe of the deployment and of its provider, where one is due, for a request.
    package mutating func claimProbe(of target: RouteTarget, for key: KeyHash, atMs now: Int64) {
        deployments[target.deployment.id]?.claimProbe(for: key, atMs: now)
        providers[target.deployment.provider]?.claimProbe(atMs: now)
    }

    /// An attempt is being sent. Deployments beyond `deploymentsMax` are not measured.
    ///
    /// - Parameter isFirst: whether this is the request's first attempt.
    package mutating func began(
        _ target: RouteTarget, for key: KeyHash, streams: Bool, isFirst: Bool, atMs now: Int64
    ) {
        if isFirst { budget.deposit() }
        guard deployments[target.deployment.id] != nil || deployments.count < Self.deploymentsMax else { return }
        deployments[target.deployment.id, default: DeploymentHealth()].began(for: key, streams: streams, atMs: now)
        providerNames[target.deployment.id] = target.deployment.provider
        providers[target.deployment.provider]?.attemptBegan(atMs: now)
    }

    /// Records what an attempt showed about its deployment and provider.
    package mutating func record(_ report: AttemptReport, atMs now: Int64) {
        deployments[report.deployment]?.record(report, openMs: openMs, atMs: now)
        switch report.observation {
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
    package mutating func retain(where isUnchanged: (String) -> Bool) {
        deployments = deployments.filter { isUnchanged($0.key) }
        providerNames = providerNames.filter { deployments[$0.key] != nil }
        providers.removeAll(keepingCapacity: true)
    }

    /// Adds another worker's measurements of a deployment that is not known here.
    package mutating func adopt(_ health: DeploymentHealth, of deployment: String) {
        guard deployments[deployment] == nil, deployments.count < Self.deploymentsMax else { return }
        deployments[deployment] = health
    }
}

/// Limits retries of the same deployment to a share of the traffic: without it, an outage would double the load.
package struct RetryBudget: Sendable, Equatable {
    /// One retry per this many requests.
    package static let requestsPerRetry = 5
    /// The most retries that can be saved up, and the number at the start.
    package static let savedMax = 20
    package static let initial = 3

    /// Savings, counted in requests.
    private var saved = RetryBudget.initial * RetryBudget.requestsPerRetry

    package init() {}

    /// Saves one request's share of a retry.
    package mutating func deposit() { saved = min(saved + 1, Self.savedMax * Self.requestsPerRetry) }

    /// Takes one retry; false when too little is saved.
    package mutating func withdraw() -> Bool {
        guard saved >= Self.requestsPerRetry else { return false }
        saved -= Self.requestsPerRetry
        return true
    }
}
