import RequestWalk

/// A part of the checker: sees each action before it is applied, with the facts known until then, and the end.
protocol WalkRules {
    var flaws: [WalkFlaw] { get set }
    mutating func willDo(_ action: WalkAction, _ facts: WalkFacts)
    /// An event and all actions taken in response.
    mutating func stepped(_ facts: WalkFacts)
    /// The walk has finished, and everything that may arrive late has arrived.
    mutating func ended(_ facts: WalkFacts)
}

extension WalkRules {
    mutating func stepped(_ facts: WalkFacts) {}

    mutating func require(_ property: WalkProperty, _ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { flaws.append(WalkFlaw(property: property, what: what())) }
    }
}

/// Judges one walk by its events and actions alone.
struct WalkChecker {
    private(set) var facts: WalkFacts
    private var answer = AnswerRules()
    private var stream = StreamRules()
    private var attempts = AttemptRules()
    private var admission = AdmissionRules()
    private var money = MoneyRules()
    private var cache = CacheRules()

    init(_ scenario: WalkScenario) { facts = WalkFacts(scenario) }

    mutating func saw(_ event: WalkEvent) { facts.saw(event) }

    mutating func did(_ action: WalkAction) {
        answer.willDo(action, facts)
        stream.willDo(action, facts)
        attempts.willDo(action, facts)
        admission.willDo(action, facts)
        money.willDo(action, facts)
        cache.willDo(action, facts)
        facts.did(action)
    }

    mutating func stepped() {
        attempts.stepped(facts)
        admission.stepped(facts)
    }

    mutating func ended() {
        answer.ended(facts)
        stream.ended(facts)
        attempts.ended(facts)
        admission.ended(facts)
        money.ended(facts)
        cache.ended(facts)
    }

    var flaws: [WalkFlaw] {
        let rules: [any WalkRules] = [answer, stream, attempts, admission, money, cache]
        return rules.flatMap(\.flaws)
    }
}
