package import GatewayModel
package import PlaneContract

/// A limit's state after an admission, for the `x-ratelimit-…` headers.
package struct RateState: Sendable, Equatable {
    package var limit: Int64
    package var remaining: Int64
    package var resetMs: Int64
}

/// An admitted request, as admit returned it.
package struct Admission: Sendable, Equatable {
    /// Redis's clock at admission, milliseconds since 1970 UTC: determines day and month of the charge.
    package var atMs: Int64
    /// The periods of each scope, to be sent back when settling.
    package var periods: String
    /// The amount held: the requested worst case, or what was left of the budget.
    package var hold: NanoUSD
    /// Money left after the hold; `nil` when no limit bounds it.
    package var moneyLeft: NanoUSD?
    package var requests: RateState?
    package var tokens: RateState?
    /// Admitted without Redis, which was unreachable: there is no hold.
    package var isLocal = false

    package init(
        atMs: Int64, periods: String, hold: NanoUSD, moneyLeft: NanoUSD? = nil, requests: RateState?,
        tokens: RateState?,
        isLocal: Bool = false
    ) {
        self.atMs = atMs
        self.periods = periods
        self.hold = hold
        self.moneyLeft = moneyLeft
        self.requests = requests
        self.tokens = tokens
        self.isLocal = isLocal
    }
}

/// The limiter's answer to an admission.
package enum AdmitVerdict: Sendable {
    case admitted(Admission)
    /// The key or its org has changed since this worker read its record.
    case stale
    /// This worker assumes another generation or process; carries what Redis has now, empty when it has none.
    case fenced(Fence)
    /// The request is already settled or belongs to another worker.
    case closed
    case refused(GatewayError)
    case unreadable

    /// - Parameters:
    ///   - reply: the reply's items as text.
    ///   - record: the key's record: a refusal names the limit that was reached.
    package init(reply: [String], for record: KeyRecord? = nil) {
        func number(_ at: Int) -> Int64 { at < reply.count ? Int64(reply[at]) ?? 0 : 0 }
        switch reply.first {
        case "0" where reply.count == 11 && number(1) > 0 && Self.arePeriods(reply[2]):
            self = .admitted(
                Admission(
                    atMs: number(1), periods: reply[2], hold: NanoUSD(number(3)),
                    moneyLeft: number(4) < 0 ? nil : NanoUSD(number(4)), requests: Self.rate(reply, 5),
                    tokens: Self.rate(reply, 8)))
        case "1" where reply.count == 4 && number(1) > 0 && Self.arePeriods(reply[2]):
            self = .admitted(
                Admission(atMs: number(1), periods: reply[2], hold: NanoUSD(number(3)), requests: nil, tokens: nil))
        case "2": self = .stale
        case "3" where reply.count >= 3: self = .fenced(Fence(generation: reply[1], redisRunID: reply[2]))
        case "8": self = .closed
        case "12": self = .refused(Self.shareUnknown)
        case "4", "5", "6", "7", "9", "10", "11":
            guard reply.count == 8 else {
                self = .unreadable
                return
            }
            self = .refused(Refusal(reply, for: record).error)
        default: self = .unreadable
        }
    }

    /// The control plane has not yet set what this plan's orgs may spend today.
    private static let shareUnknown = GatewayError(
        .limiterUnavailable, "The limits of this plan cannot be checked right now. Retry.", retryAfterMs: 1_000)

    /// Whether the text is `month/day,month/day` for key and org, and once more for a pool. Checks characters and
    /// length only.
    private static func arePeriods(_ text: String) -> Bool {
        text.utf8.count > 3
            && text.utf8.allSatisfy { $0 &- 0x30 < 10 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ",") }
    }

    private static func rate(_ reply: [String], _ at: Int) -> RateState? {
        guard let limit = Int64(reply[at]), limit >= 0, let remaining = Int64(reply[at + 1]) else { return nil }
        return RateState(limit: limit, remaining: remaining, resetMs: Int64(reply[at + 2]) ?? 0)
    }
}
