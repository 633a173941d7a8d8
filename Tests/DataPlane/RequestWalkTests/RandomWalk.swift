import Admission
import GatewayModel
import KeyMaterial
import RequestWalk
import Routing

/// One walk through random events, fully determined by its seed.
struct RandomWalk {
    static let wallMs: Int64 = 10

    private(set) var steps: [(at: Int64, event: WalkEvent, actions: [WalkAction])] = []
    private(set) var flaws: [WalkFlaw] = []
    let scenario: WalkScenario
    private let bug: PlantedBug?
    private var walk: RequestWalk
    private var checker: WalkChecker

    /// Runs to the end, then feeds every event that may still arrive.
    init(seed: Int, with bug: PlantedBug? = nil) {
        var random = Seeded(seed)
        scenario = WalkScenario(seed: seed, &random)
        self.bug = bug
        checker = WalkChecker(scenario)
        walk = RequestWalk(
            WalkContext(
                id: RequestID(milliseconds: 1, random: (1, 2)), world: Fixture.world(scenario), wallMs: Self.wallMs,
                randomSeed: 1))
        var surroundings = Surroundings(scenario, random)
        while !checker.facts.isFinished, steps.count < 300 {
            let event = surroundings.next()
            for action in step(event, at: surroundings.now) { surroundings.carryOut(action) }
        }
        for event in surroundings.aftermath() { _ = step(event, at: surroundings.now) }
        checker.ended()
        flaws = checker.flaws
    }

    private mutating func step(_ event: WalkEvent, at now: Int64) -> [WalkAction] {
        checker.saw(event)
        var actions: [WalkAction] = []
        let heard = if let bug { bug.event(event, checker.facts) } else { event }
        if let heard { actions = walk.handle(heard, at: now) }
        if let bug { actions = bug.actions(actions, checker.facts) }
        for action in actions { checker.did(action) }
        checker.stepped()
        steps.append((now, event, actions))
        return actions
    }
}
