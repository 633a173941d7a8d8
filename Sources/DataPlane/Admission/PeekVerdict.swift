package import GatewayModel
internal import LimitScripts
internal import PlaneContract

/// What was used of one window of a scope.
package struct PeriodUse: Sendable, Equatable {
    package var spent: NanoUSD
    package var reserved: NanoUSD
    package var requests: Int64
}

/// Requests answered from the cache, and what those answers cost originally.
package struct Savings: Sendable, Equatable {
    package var requests: Int64
    package var nano: NanoUSD
}

/// The current counters of one scope.
package struct ScopeUse: Sendable, Equatable {
    package var month: PeriodUse
    package var day: PeriodUse
    package var open: Int64
    package var minuteRequests: Int64
    package var minuteTokens: Int64
    package var savedThisMonth: Savings
    package var savedToday: Savings

    private static let countMax = Int64.max / 8

    init?(_ items: [String]) {
        // Clamped, so that sums do not overflow.
        let numbers = items.compactMap { Int64($0) }.map { min(max($0, -Self.countMax), Self.countMax) }
        // A limiter library older than the cache does not report savings.
        guard numbers.count == 11 || numbers.count == 15 else { return nil }
        month = PeriodUse(spent: NanoUSD(numbers[1]), reserved: NanoUSD(numbers[2]), requests: numbers[3])
        day = PeriodUse(spent: NanoUSD(numbers[5]), reserved: NanoUSD(numbers[6]), requests: numbers[7])
        open = numbers[8]
        minuteRequests = numbers[9]
        minuteTokens = numbers[10]
        let saved = numbers.count == 15 ? Array(numbers[11...]) : [0, 0, 0, 0]
        savedThisMonth = Savings(requests: saved[0], nano: NanoUSD(saved[1]))
        savedToday = Savings(requests: saved[2], nano: NanoUSD(saved[3]))
    }
}

package struct KeyUse: Sendable, Equatable {
    /// Redis's clock, milliseconds since 1970 UTC.
    package var nowMs: Int64
    package var key: ScopeUse
    package var org: ScopeUse
}

/// The limiter's answer to a query of a key's counters.
package enum PeekVerdict: Sendable {
    case use(KeyUse)
    /// Redis is unreachable; these are the last known counters.
    case lastKnown(KeyUse)
    case stale
    case unavailable

    /// - Parameters:
    ///   - head: the reply's items before the scopes, as text.
    ///   - scopes: the items of each scope's nested array.
    package init(head: [String], scopes: [[String]]) {
        switch head.first {
        case "2": self = .stale
        case "0":
            guard head.count == 2, let now = Int64(head[1]), scopes.count == 2, let key = ScopeUse(scopes[0]),
                let org = ScopeUse(scopes[1])
            else {
                self = .unavailable
                return
            }
            self = .use(KeyUse(nowMs: now, key: key, org: org))
        default: self = .unavailable
        }
    }

    /// Writes the query of a key's counters.
    package static func write(for caller: Caller, into out: inout [UInt8]) {
        let record = caller.record
        CommandWriter.begin(.peek, keys: ScopeSet.ownCounterKeys, arguments: 4, to: &out)
        out += caller.scopes.ownCounters
        CommandWriter.add(record.keyID, to: &out)
        CommandWriter.add(record.version, to: &out)
        CommandWriter.add(RedisKeys.orgScope(record.orgID), to: &out)
        CommandWriter.add(record.orgVersion, to: &out)
    }
}
