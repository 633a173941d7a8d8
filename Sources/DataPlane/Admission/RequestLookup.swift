package import GatewayModel
internal import LimitScripts
package import PlaneContract

/// What the limiter knows of one request.
package enum RequestLookup: Sendable {
    /// `state` is `running`, `ended`, `cancelled` (it never reached a provider) or `interrupted` (its worker died).
    /// `event` is the JSON of a `UsageEvent`: what the request was charged, or would be if it ended now; empty for a
    /// cancelled one.
    case found(state: String, event: [UInt8])
    /// The limiter refused it, with this error; known for fifteen minutes, and only for a key's newest refusals.
    case refused(GatewayError)
    case unknown
    case unavailable

    private static let states = ["O": "running", "S": "ended", "C": "cancelled", "R": "interrupted"]

    /// - Parameters:
    ///   - reply: the reply's items as text.
    ///   - record: the record of the key that made the request.
    package init(reply: [String], for record: KeyRecord? = nil) {
        if reply.count == 2, reply[0] == "X",
            case .refused(let error) = AdmitVerdict(
                reply: reply[1].split(separator: " ").map(String.init), for: record)
        {
            self = .refused(error)
        } else if reply.isEmpty {
            self = .unknown
        } else if reply.count == 2, let state = Self.states[reply[0]] {
            self = .found(state: state, event: Array(reply[1].utf8))
        } else {
            self = .unavailable
        }
    }

    /// Writes the query for request `id` of the caller's org.
    package static func write(_ id: String, of caller: Caller, into out: inout [UInt8]) {
        CommandWriter.begin(.find, keys: 2, arguments: 2, to: &out)
        CommandWriter.add(RedisKeys.hold(caller.scopes.shard, id), to: &out)
        out += caller.scopes.usageStream
        CommandWriter.add(id, to: &out)
        CommandWriter.add(caller.record.keyID, to: &out)
    }
}
