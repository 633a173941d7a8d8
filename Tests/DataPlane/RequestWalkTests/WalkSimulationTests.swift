import Foundation
import RequestWalk
import Testing

/// Thousands of walks through random events in random order, each checked against every property.
@Suite struct WalkSimulationTests {
    /// `WALK_SEEDS=1000000` runs more walks.
    private static let seeds = ProcessInfo.processInfo.environment["WALK_SEEDS"].flatMap { Int($0) } ?? 100_000
    private static let blocks = 40

    @Test("every property holds in any order of events", arguments: 0..<blocks)
    func holds(block: Int) {
        for seed in stride(from: block, to: Self.seeds, by: Self.blocks) {
            let walk = RandomWalk(seed: seed)
            #expect(walk.flaws.isEmpty, "seed \(seed): \(walk.flaws)\n\(walk.story)")
        }
    }

    @Test("a seed replays exactly")
    func replays() {
        for seed in 0..<50 { #expect(RandomWalk(seed: seed).story == RandomWalk(seed: seed).story) }
    }
}

/// Checks the checker: it must find and name each planted bug.
@Suite struct PlantedBugTests {
    private static let seedsMax = 12_000

    @Test("finds the bug and names it", arguments: PlantedBug.all)
    func finds(bug: PlantedBug) {
        let found = (0..<Self.seedsMax).first { seed in
            RandomWalk(seed: seed, with: bug).flaws.contains { $0.property == bug.breaks }
        }
        #expect(found != nil, "\(bug.breaks) never flagged")
    }

    @Test("every property has a bug that breaks it", arguments: WalkProperty.allCases)
    func isProven(property: WalkProperty) {
        #expect(PlantedBug.all.contains { $0.breaks == property })
    }
}
