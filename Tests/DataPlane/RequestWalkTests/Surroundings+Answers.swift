import Admission
import GatewayModel
import PlaneContract
import RequestWalk

/// What key table and limiter say.
extension Surroundings {
    mutating func lookUpAnswer() -> KeyLookup {
        guard scenario.oddities.contains(.key) else { return .found(Walker.caller) }
        var record = Walker.record
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return .unknown
        case 1: return .unavailable
        case 2: record.status = .revoked
        case 3: record.expiresAtMs = RandomWalk.wallMs
        default: break
        }
        return .found(Caller(record))
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

    mutating func admitAnswer() -> AdmitAnswer {
        let admission = Walker.admission(holding: askedHold)
        guard scenario.oddities.contains(.limiter) else { return admission }
        let replies = [
            ["1", "5", "202611/20261122,202611/20261122", String(askedHold.nano)], ["2"], ["2"], ["3", "g", "r"], ["8"],
            ["what?"],
            ["4", "5", "1", "requests_per_minute", "1", "1", "0", "900"],
            ["6", "5", "2", "usd_per_day", "1", "1", "0", "900"],
        ]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .unavailable
        case 1: return admission
        default: return .verdict(AdmitVerdict(reply: random.pick(replies)))
        }
    }
}
