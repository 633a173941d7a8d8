import Admission
import Foundation
import GatewayModel
import PlaneContract
import Routing

/// Anything that decodes as a snapshot can be used for routing: plans, prices, model lists.
func fuzzSnapshot(_ input: FuzzInput) {
    guard let choice = input.bytes.first,
        let snapshot = try? JSONDecoder().decode(GatewaySnapshot.self, from: Data(input.rest))
    else { return }
    let table = RoutingTable(snapshot) { choice & 1 == 0 ? Secret($0.sealed) : nil }
    let key = KeyRecord(
        keyID: "k", orgID: "o", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active, expiresAtMs: nil,
        allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits())
    _ = table.callable(by: key, atMs: 1_000)
    let facts = RouteFacts(hasImages: choice & 2 != 0, hasTools: choice & 4 != 0)
    for name in snapshot.aliases.map(\.name) + snapshot.models.map(\.name) + ["absent"] {
        plan(name, table, facts, key, choice)
    }
}

private func plan(_ name: String, _ table: RoutingTable, _ facts: RouteFacts, _ key: KeyRecord, _ choice: UInt8) {
    var random = Counter(state: UInt64(choice))
    var health = HealthTable()
    for target in table.allTargets where target.deployment.id.utf8.count % 2 == 0 {
        health.began(target, for: KeyHash("k"), streams: true, isFirst: true, atMs: 900)
        let note: AttemptObservation =
            choice & 8 == 0
            ? .firstToken(afterMs: Int64(choice)) : .failed(.rateLimited, retryAfterMs: Int64(choice) * 50)
        health.record(
            AttemptReport(target, for: KeyHash("k"), startedMs: 900, streams: true, wasWaiting: true, note), atMs: 950)
    }
    let plan: RoutePlan
    do throws(GatewayError) {
        plan = try table.plan(
            for: name, facts: facts, key: key, atMs: 1_000, health: health, nowMs: 1_000, random: &random)
    } catch {
        require(
            error.kind == .modelNotFound || error.kind == .modelUnpriced || error.kind == .invalidRequest,
            "refused as \(error.kind)")
        return
    }
    require((1...RoutePlan.attemptsMax).contains(plan.targets.count), "\(plan.targets.count) attempts")
    let sizes = [
        RequestSize(textBytes: 100, images: 1, outputTokensMax: nil, choices: 1),
        RequestSize(textBytes: 0, images: 0, outputTokensMax: nil, choices: 128),
        RequestSize(textBytes: 20 << 20, images: 100, outputTokensMax: Int64(Int32.max), choices: 128),
    ]
    for target in plan.targets {
        guard let price = target.model.price(atMs: 1_000) else { fatalError("planned without a price") }
        for size in sizes {
            let hold = Estimate.worstCase(
                size, on: target.model, at: price, outputTokens: Estimate.outputBound(size, on: target.model))
            require(hold >= .zero && Estimate.windowTokens(size, on: target.model) >= 0, "a hold below zero")
        }
    }
}

/// Distinct numbers, nothing more.
private struct Counter: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state
    }
}
