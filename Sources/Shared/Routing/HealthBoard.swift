package import GatewayModel
package import PlaneContract
internal import Synchronization

/// The health table of a worker, shared by its event loops.
///
/// One lock, held for about a microsecond: once to plan a request that has a choice, and two or three times per
/// attempt. With a table per loop, each would have to learn of an outage by itself and would send its own probes.
package final class HealthBoard: Sendable {
    private let table: Mutex<HealthTable>
    private let known = Mutex<[String: RouteTarget]>([:])

    package init(openMs: Int64 = HealthTable.openMs) { table = Mutex(HealthTable(openMs: openMs)) }

    /// Decides where a request goes. If it goes to a deployment as a probe, that probe is reserved for it.
    package func plan(
        for name: String, in routes: RoutingTable, facts: RouteFacts, key: KeyRecord, wallMs: Int64, atMs now: Int64,
        random: inout some RandomNumberGenerator
    ) throws(GatewayError) -> RoutePlan {
        if let plan = routes.onlyPlan(for: name, facts: facts, key: key, atMs: wallMs) { return plan }
        let survey = try routes.survey(name, facts: facts, key: key, atMs: wallMs)
        if let refusal = survey.refusal { throw refusal }
        return table.withLock { health in
            let plan = routes.plan(name, survey, for: KeyMark(key.keyID), health: health, nowMs: now, random: &random)
            if plan.reason == .probe { health.claimProbe(of: plan.targets[0], for: KeyMark(key.keyID), atMs: now) }
            return plan
        }
    }

    package func began(_ target: RouteTarget, for key: KeyMark, streams: Bool, isFirst: Bool, atMs now: Int64) {
        table.withLock { $0.began(target, for: key, streams: streams, isFirst: isFirst, atMs: now) }
    }

    package func note(_ report: AttemptReport, atMs now: Int64) { table.withLock { $0.note(report, atMs: now) } }

    /// Takes a second try of the same deployment from the worker's retry budget; false when it is used up.
    package func takeRetry() -> Bool { table.withLock { $0.budget.withdraw() } }

    /// Switches to another configuration. Measurements of unchanged deployments are kept.
    package func use(_ routes: RoutingTable) {
        let before = known.withLock { known in
            let before = known
            known = Dictionary(routes.allTargets.map { ($0.deployment.id, $0) }) { first, _ in first }
            return before
        }
        let now = known.withLock { $0 }
        table.withLock { health in
            health.keep { id in
                guard let new = now[id] else { return false }
                guard let old = before[id] else { return true }
                return old.deployment == new.deployment && old.provider == new.provider
                    && old.credential == new.credential
            }
        }
    }

    package var snapshot: HealthTable { table.withLock { $0 } }

    package func adopt(_ shared: [(deployment: String, health: DeploymentHealth)]) {
        table.withLock { health in for item in shared { health.adopt(item.health, of: item.deployment) } }
    }
}
