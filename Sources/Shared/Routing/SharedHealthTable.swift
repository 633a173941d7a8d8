package import GatewayModel
package import PlaneContract
internal import Synchronization

/// The health table of a worker, shared by its event loops.
///
/// One lock, held for about a microsecond: once to plan a request that has a choice, and two or three times per
/// attempt. With a table per loop, each would have to learn of an outage by itself and would send its own probes.
package final class SharedHealthTable: Sendable {
    private let table: Mutex<HealthTable>
    private let known = Mutex<[String: RouteTarget]>([:])

    /// - Parameter openMs: how long a breaker stays open the first time, in milliseconds.
    package init(openMs: Int64 = HealthTable.openMs) { table = Mutex(HealthTable(openMs: openMs)) }

    /// Decides where a request goes. If it goes to a deployment as a probe, that probe is reserved for it.
    package func plan(
        for name: String, in routes: RoutingTable, facts: RouteFacts, key: KeyRecord, wallMs: Int64, atMs now: Int64,
        random: inout some RandomNumberGenerator
    ) throws(GatewayError) -> RoutePlan {
        if let plan = routes.onlyPlan(for: name, facts: facts, key: key, atMs: wallMs) { return plan }
        let candidateSet = try routes.candidateSet(name, facts: facts, key: key, atMs: wallMs)
        if let refusal = candidateSet.refusal { throw refusal }
        return table.withLock { health in
            let plan = routes.plan(
                name, candidateSet, for: KeyHash(key.keyID), health: health, nowMs: now, random: &random)
            if plan.reason == .probe { health.claimProbe(of: plan.targets[0], for: KeyHash(key.keyID), atMs: now) }
            return plan
        }
    }

    /// An attempt is being sent.
    ///
    /// - Parameter isFirst: whether this is the request's first attempt, which earns a share of a retry.
    package func began(_ target: RouteTarget, for key: KeyHash, streams: Bool, isFirst: Bool, atMs now: Int64) {
        table.withLock { $0.began(target, for: key, streams: streams, isFirst: isFirst, atMs: now) }
    }

    /// Records what an attempt showed about its deployment and provider.
    package func record(_ report: AttemptReport, atMs now: Int64) { table.withLock { $0.record(report, atMs: now) } }

    /// Takes a retry of the same deployment from the worker's retry budget; false when it is used up.
    package func withdrawRetry() -> Bool { table.withLock { $0.budget.withdraw() } }

    /// Switches to another configuration. Measurements of unchanged deployments are kept.
    package func apply(_ routes: RoutingTable) {
        let before = known.withLock { known in
            let before = known
            known = Dictionary(routes.allTargets.map { ($0.deployment.id, $0) }) { first, _ in first }
            return before
        }
        let now = known.withLock { $0 }
        table.withLock { health in
            health.retain { id in
                guard let new = now[id] else { return false }
                guard let old = before[id] else { return true }
                return old.deployment == new.deployment && old.provider == new.provider
                    && old.credential == new.credential
            }
        }
    }

    /// A copy of the table at this instant.
    package var snapshot: HealthTable { table.withLock { $0 } }

    /// Adds other workers' measurements of deployments that are not known here.
    package func adopt(_ shared: [(deployment: String, health: DeploymentHealth)]) {
        table.withLock { health in for item in shared { health.adopt(item.health, of: item.deployment) } }
    }
}
