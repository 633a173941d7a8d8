import Foundation
import PlaneContract
import Routing
import Testing

/// Quantitative guarantees of routing, over several seeds.
@Suite struct RoutingSimulationTests {
    static let seeds: [UInt64] = [1, 2, 3, 4, 5]

    /// As in `deploy/catalogue/models.yaml`.
    static let aliases: [(name: String, objective: Objective)] = [
        ("fast", Objective(latency: 6, speed: 3, uptime: 1)),
        ("smart", Objective(latency: 1, speed: 1, cost: 1, uptime: 3)),
        ("code", Objective(latency: 2, speed: 3, cost: 1, uptime: 2)),
        ("vision", Objective(latency: 2, speed: 1, cost: 1, uptime: 2)),
        ("reasoning", Objective(speed: 2, cost: 1, uptime: 3)),
        ("creative", Objective(latency: 1, speed: 2, cost: 1, uptime: 2)),
        ("chat", Objective(latency: 3, speed: 2, cost: 2, uptime: 2)),
    ]

    private static var fast: Objective { aliases[0].objective }

    private static func usual(_ id: String, _ firstMs: Double, provider: String = "p") -> SimulatedEngine {
        SimulatedEngine(engine: Engine(id: id, provider: provider)) { _, _, random in .usual(firstMs, &random) }
    }

    private static func others() -> [SimulatedEngine] {
        [("b", 300.0), ("c", 420), ("d", 600), ("e", 900), ("f", 1_500)].map { usual($0.0, $0.1) }
    }

    @Test("fast finds the fastest of six within 200 requests", arguments: seeds)
    func finds(seed: UInt64) {
        let run = RoutingSimulation(
            Self.others() + [Self.usual("a", 150)], by: Self.fast, perSecond: 50, seconds: 60, seed: seed)
        let after = Array(run.records.dropFirst(200))
        let share = RoutingSimulation.share(of: "a", after)
        print("seed \(seed): after 200 requests the fastest gets \(shown(share)) % of \(after.count)")
        #expect(share >= 95)
    }

    @Test("fast leaves it within 2 s of its getting slow", arguments: [3.0, 10, 60, 400], seeds)
    func leaves(times: Double, seed: UInt64) {
        let slow = SimulatedEngine(engine: Engine(id: "a")) { now, _, random in
            .usual(now < 30_000 ? 150 : 150 * times, &random)
        }
        let run = RoutingSimulation(Self.others() + [slow], by: Self.fast, perSecond: 50, seconds: 60, seed: seed)
        let before = RoutingSimulation.share(of: "a", run.records(from: 10_000, to: 30_000))
        let after = RoutingSimulation.share(of: "a", run.records(from: 32_000, to: 60_000))
        let last = run.records(from: 30_000, to: 60_000).prefix { $0.asked.first == "a" }.last?.atMs ?? 30_000
        print(
            "seed \(seed), \(Int(times)) times slower: \(shown(before)) % before, left after"
                + " \(last - 30_000) ms, \(shown(after)) % from 2 s on")
        #expect(before >= 95 && after <= 2)
    }

    @Test("and comes back when it is fast again")
    func returns() {
        let engine = SimulatedEngine(engine: Engine(id: "a")) { now, _, random in
            .usual((30_000..<60_000).contains(now) ? 3_000 : 150, &random)
        }
        let run = RoutingSimulation(Self.others() + [engine], by: Self.fast, perSecond: 50, seconds: 150, seed: 1)
        let share = RoutingSimulation.share(of: "a", run.records(from: 100_000, to: 150_000))
        print("40 s after it is fast again it gets \(shown(share)) %")
        #expect(share >= 95)
    }

    @Test(
        "no alias sends more than 2 % to a failing deployment after 1 s", arguments: aliases.map(\.name),
        [FailureClass.transient, .unreachable, .overloaded, .rateLimited, .operatorAuth, .modelMissing])
    func failing(alias: String, failure: FailureClass) {
        let objective = Self.aliases.first { $0.name == alias }?.objective
        var worst = 0.0
        for seed in Self.seeds {
            let broken = SimulatedEngine(engine: Engine(id: "a", provider: "q")) { now, _, random in
                now < 30_000 ? .usual(150, &random) : .fails(failure, afterMs: 20)
            }
            let run = RoutingSimulation(
                Self.others() + [broken], by: objective, perSecond: 50, seconds: 90, seed: seed)
            let after = run.records(from: 31_000, to: 80_000)
            worst = max(worst, RoutingSimulation.touched("a", after))
            #expect(after.allSatisfy { $0.servedMs != nil })
        }
        print("\(alias), \(failure.rawValue): at most \(shown(worst)) % to the failing one after 1 s")
        #expect(worst <= 2)
    }

    @Test("a deployment first in an explicit order is left as well", arguments: seeds)
    func ranked(seed: UInt64) {
        var engines = Self.others()
        for at in engines.indices { engines[at].engine.modelOrder = at + 1 }
        engines.append(
            SimulatedEngine(engine: Engine(id: "a")) { now, _, random in
                now < 30_000 ? .usual(150, &random) : .fails(.transient, afterMs: 20)
            })
        let run = RoutingSimulation(engines, by: nil, perSecond: 50, seconds: 90, seed: seed)
        #expect(RoutingSimulation.share(of: "a", run.records(from: 0, to: 30_000)) == 100)
        #expect(RoutingSimulation.touched("a", run.records(from: 31_000, to: 90_000)) <= 2)
    }

    @Test("one provider of two away: no errors, and hardly a call more than requests", arguments: seeds)
    func outage(seed: UInt64) {
        let away: (String) -> SimulatedEngine = { id in
            SimulatedEngine(engine: Engine(id: id, provider: "away")) { now, _, random in
                now < 10_000 ? .usual(150, &random) : .fails(.unreachable, afterMs: 5)
            }
        }
        let engines = ["x1", "x2", "x3", "x4"].map(away) + [Self.usual("y", 400, provider: "there")]
        let run = RoutingSimulation(engines, by: Self.fast, perSecond: 20, seconds: 70, seed: seed)
        let during = run.records(from: 10_000, to: 69_000)
        let calls = during.reduce(0) { $0 + $1.asked.count }
        let ratio = Double(calls) / Double(during.count)
        let errors = during.count { $0.servedMs == nil }
        print(
            "seed \(seed): outage of 4 of 5 deployments: \(errors) errors of \(during.count), calls ÷ requests \(shown(ratio))"
        )
        #expect(errors == 0 && ratio <= 1.1)
    }

    @Test(
        "ten times more than the engines can take: what they can is served, and nothing is multiplied", arguments: seeds
    )
    func overload(seed: UInt64) {
        // Each has room for 50 at once; a successful request takes 0.7 s.
        let full: (String, FailureClass) -> SimulatedEngine = { id, failure in
            SimulatedEngine(engine: Engine(id: id, provider: id)) { _, running, random in
                running >= 50 ? .fails(failure, afterMs: 2, retryAfterMs: 1_000) : .usual(200, &random)
            }
        }
        let capacity = 2 * 50 / 0.7
        for failure in [FailureClass.rateLimited, .overloaded] {
            let run = RoutingSimulation(
                [full("a", failure), full("b", failure)], by: Self.fast, perSecond: capacity * 10, seconds: 20,
                seed: seed)
            let steady = run.records(from: 5_000, to: 19_000)
            let goodput = Double(steady.count { $0.servedMs != nil }) / 14
            let calls = Double(steady.reduce(0) { $0 + $1.asked.count }) / Double(steady.count)
            print(
                "seed \(seed), \(failure.rawValue): goodput \(Int(goodput)) of \(Int(capacity)) a second,"
                    + " \(shown(calls)) calls a request")
            #expect(goodput >= capacity * 0.9 && calls <= 2.2)
        }
    }

    @Test("a seed replays exactly")
    func replays() {
        let runs = (0..<2).map { _ in
            RoutingSimulation(Self.others(), by: Self.fast, perSecond: 50, seconds: 20, seed: 9).records.map(\.asked)
        }
        #expect(runs[0] == runs[1] && runs[0].count > 500)
    }
}

private func shown(_ value: Double) -> String { String(format: "%.2f", value) }
