import Foundation
import GatewayModel
import PlaneContract
import Routing

/// How a deployment handles one request.
enum EngineAnswer {
    case answers(afterMs: Int64, tokens: Int64, overMs: Int64)
    case fails(FailureClass, afterMs: Int64, retryAfterMs: Int64? = nil)

    /// The first token after about this long (log-normal), then 50 tokens at 100 per second.
    static func usual(_ firstMs: Double, spread: Double = 0.25, _ random: inout Seeded) -> Self {
        let first = firstMs * exp(random.normal() * spread)
        return .answers(afterMs: max(1, Int64(first)), tokens: 50, overMs: 500)
    }
}

/// A simulated deployment: its behaviour depends on time, chance, and its number of concurrent requests.
struct SimulatedEngine {
    var engine: Engine
    var answer: (_ atMs: Int64, _ inFlight: Int, _ random: inout Seeded) -> EngineAnswer
}

/// Callers of one alias, deployments and the routing between them, in virtual time, fully determined by the seed.
struct RoutingSimulation {
    struct Record {
        let atMs: Int64
        /// Every deployment tried, in order.
        var asked: [String] = []
        var servedMs: Int64?
    }

    private struct Event {
        let atMs: Int64
        let number: Int
        let kind: Kind

        enum Kind {
            case arrival, outcome(Flight, EngineAnswer), ended(Flight, tokens: Int64, overMs: Int64), retry(Flight)
        }
    }

    /// A running attempt.
    private struct Flight {
        let request: Int
        let plan: RoutePlan
        var place: Int
        var startedMs: Int64
        var retried = false
        var target: RouteTarget { plan.targets[place] }
    }

    private let table: RoutingTable
    private let engines: [String: SimulatedEngine]
    private let perSecond: Double
    private var random: Seeded
    private(set) var health = HealthTable()
    private(set) var records: [Record] = []
    private var events: [Event] = []
    private var eventsMade = 0
    private var inFlight: [String: Int] = [:]

    init(_ engines: [SimulatedEngine], by objective: Objective?, perSecond: Double, seconds: Int64, seed: UInt64) {
        table = routes(engines.map(\.engine), by: objective)
        self.engines = Dictionary(engines.map { ($0.engine.id, $0) }) { a, _ in a }
        self.perSecond = perSecond
        random = Seeded(seed)
        add(.arrival, atMs: 0)
        while let event = next(), event.atMs < seconds * 1_000 { take(event) }
    }

    // MARK: Events, earliest first (a binary heap)

    private mutating func add(_ kind: Event.Kind, atMs: Int64) {
        eventsMade += 1
        events.append(Event(atMs: atMs, number: eventsMade, kind: kind))
        var at = events.count - 1
        while at > 0, isBefore(at, (at - 1) / 2) {
            events.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    private mutating func next() -> Event? {
        guard let first = events.first else { return nil }
        events[0] = events[events.count - 1]
        events.removeLast()
        var at = 0
        while true {
            let least = [at, 2 * at + 1, 2 * at + 2].filter { $0 < events.count }.min { isBefore($0, $1) } ?? at
            if least == at { return first }
            events.swapAt(at, least)
            at = least
        }
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        (events[a].atMs, events[a].number) < (events[b].atMs, events[b].number)
    }

    // MARK: Handling events

    private mutating func take(_ event: Event) {
        let now = event.atMs
        switch event.kind {
        case .arrival:
            arrive(at: now)
            let gap = -log(Double.random(in: 0.000_001..<1, using: &random)) * 1_000 / perSecond
            add(.arrival, atMs: now + max(1, Int64(gap.rounded())))
        case .retry(let flight): start(flight, isFirst: false, at: now)
        case .outcome(let flight, let answer): finish(flight, answer, at: now)
        case .ended(let flight, let tokens, let overMs):
            inFlight[flight.target.deployment.id, default: 1] -= 1
            note(flight, .streamed(tokens: tokens, overMs: overMs), wasWaiting: false, at: now)
        }
    }

    private mutating func arrive(at now: Int64) {
        guard
            let plan = try? table.plan(
                for: "all", facts: RouteFacts(), key: anyKey, atMs: 5, health: health, nowMs: now, random: &random)
        else { return }
        if plan.reason == .probe { health.claimProbe(of: plan.targets[0], for: anyKeyHash, atMs: now) }
        records.append(Record(atMs: now))
        start(Flight(request: records.count - 1, plan: plan, place: 0, startedMs: now), isFirst: true, at: now)
    }

    private mutating func start(_ flight: Flight, isFirst: Bool, at now: Int64) {
        var flight = flight
        flight.startedMs = now
        let id = flight.target.deployment.id
        health.began(flight.target, for: anyKeyHash, streams: true, isFirst: isFirst, atMs: now)
        records[flight.request].asked.append(id)
        let running = inFlight[id, default: 0]
        inFlight[id] = running + 1
        guard let answer = engines[id]?.answer(now, running, &random) else { return }
        switch answer {
        case .answers(let afterMs, _, _), .fails(_, let afterMs, _): add(.outcome(flight, answer), atMs: now + afterMs)
        }
    }

    private mutating func finish(_ flight: Flight, _ answer: EngineAnswer, at now: Int64) {
        switch answer {
        case .answers(let afterMs, let tokens, let overMs):
            note(flight, .firstToken(afterMs: afterMs), wasWaiting: true, at: now)
            records[flight.request].servedMs = now
            add(.ended(flight, tokens: tokens, overMs: overMs), atMs: now + overMs)
        case .fails(let failure, _, let retryAfterMs):
            inFlight[flight.target.deployment.id, default: 1] -= 1
            note(flight, .failed(failure, retryAfterMs: retryAfterMs), wasWaiting: true, at: now)
            var next = flight
            if flight.place + 1 < flight.plan.targets.count {
                next.place += 1
                start(next, isFirst: false, at: now)
            } else if !flight.retried, records[flight.request].asked.count < RoutePlan.attemptsMax, failure.allowsRetry,
                health.budget.withdraw()
            {
                next.retried = true
                add(.retry(next), atMs: now + Int64.random(in: 50...250, using: &random))
            }
        }
    }

    private mutating func note(_ flight: Flight, _ note: AttemptObservation, wasWaiting: Bool, at now: Int64) {
        health.record(
            AttemptReport(
                flight.target, for: anyKeyHash, startedMs: flight.startedMs, streams: true, wasWaiting: wasWaiting, note
            ),
            atMs: now)
    }

    // MARK: Results

    func records(from: Int64, to: Int64) -> [Record] { records.filter { $0.atMs >= from && $0.atMs < to } }

    /// The share of requests that tried a deployment first, in percent.
    static func share(of id: String, _ records: [Record]) -> Double {
        Double(records.count { $0.asked.first == id }) * 100 / Double(max(1, records.count))
    }

    /// The share of requests that tried a deployment at all, in percent.
    static func touched(_ id: String, _ records: [Record]) -> Double {
        Double(records.count { $0.asked.contains(id) }) * 100 / Double(max(1, records.count))
    }
}
