import Admission
import GatewayModel
import PlaneContract
import RequestWalk

/// Answers of the key table and the limiter.
extension Surroundings {
    private static let shed = GatewayError(.overloaded, "More wait than can be served.", retryAfterMs: 700)

    mutating func lookUpAnswer() -> KeyLookup {
        guard scenario.oddities.contains(.key) else { return .found(Walker.caller) }
        var record = Walker.record
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return .unknown
        case 1: return .unavailable
        case 2: record.status = .revoked
        case 3: record.expiresAtMs = RandomWalk.wallMs
        case 4: return .notAsked(Self.shed)
        default: break
        }
        return .found(Caller(record))
    }

    /// Sometimes an answer of the other kind (streamed or not), which no request may be given.
    mutating func cacheAnswer() -> CacheReply {
        let streams = random.once(in: 12) ? !scenario.streams : scenario.streams
        return random.pick([
            .hit(Fixture.cached(streams: streams)), .hit(Fixture.cached(streams: streams)), .miss, .miss, .unavailable,
        ])
    }

    mutating func progressAnswer(to asked: NanoUSD) -> ProgressVerdict {
        guard scenario.oddities.contains(.limiter) else { return .held(asked, reason: nil) }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return .stale
        case 1: return .closed
        case 2: return .unavailable
        default: return .held(asked, reason: nil)
        }
    }

    mutating func beginAnswer() -> BeginAnswer {
        guard scenario.oddities.contains(.limiter) else { return .verdict(.begun) }
        let rate = ["4", "5", "1", "requests_per_minute", "1", "1", "0", "900"]
        let replies = [["0", "5"], ["1", "5"], ["2", "key", "9"], ["3", "g", "r"], ["8", "C"], ["what?"], rate]
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return .unavailable
        case 1: return .notAsked(random.once(in: 2) ? Self.shed : nil)
        case 2: return .verdict(BeginVerdict(reply: random.pick(replies)))
        default: return .verdict(.begun)
        }
    }

    mutating func admitAnswer() -> AdmitAnswer {
        let admission = Walker.admission(holding: askedHold)
        guard scenario.oddities.contains(.limiter) else { return admission }
        let rate = ["4", "5", "1", "requests_per_minute", "1", "1", "0", "900"]
        if isAskedForTheRate, !random.once(in: 5) {
            return random.once(in: 2) ? .verdict(AdmitVerdict(reply: rate)) : admission
        }
        let replies = [
            ["1", "5", "202611/20261122,202611/20261122", String(askedHold.nano)], ["2"], ["2"], ["3", "g", "r"], ["8"],
            ["what?"],
            rate, ["6", "5", "2", "requests_per_day", "1", "1", "0", "900"],
            ["7", "5", "1", "usd_per_day", "1", "1", "0", "900"],
            ["11", "5", "2", "usd_per_month", "9", "1", "8", "900"],
            ["5", "5", "1", "tokens_per_minute", "1", "1", "0", "900"],
        ]
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return .unavailable
        case 1: return admission
        case 2: return .notAsked(random.once(in: 2) ? Self.shed : nil)
        default: return .verdict(AdmitVerdict(reply: random.pick(replies)))
        }
    }
}
