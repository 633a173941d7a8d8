import Admission
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

    mutating func admitAnswer() -> AdmitAnswer {
        guard scenario.oddities.contains(.limiter) else { return Walker.admission }
        let replies = [
            ["1", "5", "202611/20261122,202611/20261122"], ["2"], ["2"], ["3", "g", "r"], ["8"], ["what?"],
            ["4", "5", "1", "requests_per_minute", "1", "1", "0", "900"],
            ["6", "5", "2", "usd_per_day", "1", "1", "0", "900"],
        ]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .unavailable
        case 1: return Walker.admission
        default: return .verdict(AdmitVerdict(reply: random.pick(replies)))
        }
    }
}
