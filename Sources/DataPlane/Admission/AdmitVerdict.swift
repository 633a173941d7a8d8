package import GatewayModel

/// A limit's state after an admission, for the `x-ratelimit-…` headers.
package struct RateState: Sendable, Equatable {
    package var limit: Int64
    package var remaining: Int64
    package var resetMs: Int64
}

/// What admit answered for a request it let in.
package struct Admission: Sendable, Equatable {
    /// Redis's clock at admission, milliseconds since 1970 UTC: decides day and month of the charge.
    package var atMs: Int64
    /// The periods of each scope, to be named when settling.
    package var periods: String
    /// What is held: the wanted worst case, or what was left of the money.
    package var hold: NanoUSD
    /// Money left beside the hold; `nil` when no limit bounds it.
    package var moneyLeft: NanoUSD?
    package var requests: RateState?
    package var tokens: RateState?
    /// Let in without asking Redis, which could not be reached: there is no hold.
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
    /// The key or its org changed since this worker read its record.
    case stale
    /// This worker believes in another life of the shard; carries what Redis has now, empty when it has none.
    case fenced(Fence)
    /// The request is already settled or belongs to another worker.
    case closed
    case refused(GatewayError)
    case unreadable

    /// - Parameter reply: the reply's items as text.
    package init(reply: [String]) {
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
        case "3" where reply.count >= 3: self = .fenced(Fence(generation: reply[1], run: reply[2]))
        case "8": self = .closed
        case "4", "5", "6", "7", "9", "10", "11":
            guard reply.count == 8 else {
                self = .unreadable
                return
            }
            self = .refused(Refusal(reply).error)
        default: self = .unreadable
        }
    }

    /// `month/day,month/day` of the key and the org.
    private static func arePeriods(_ text: String) -> Bool {
        text.utf8.count > 3
            && text.utf8.allSatisfy { $0 &- 0x30 < 10 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ",") }
    }

    private static func rate(_ reply: [String], _ at: Int) -> RateState? {
        guard let limit = Int64(reply[at]), limit >= 0, let remaining = Int64(reply[at + 1]) else { return nil }
        return RateState(limit: limit, remaining: remaining, resetMs: Int64(reply[at + 2]) ?? 0)
    }
}

/// A refusal `{code, now, scope, window, limit, used, reserved, wait}` in words a person can act on.
private struct Refusal {
    let code: String
    let now: Int64
    let scope: String
    let window: String
    let numbers: [Int64]

    init(_ reply: [String]) {
        code = reply[0]
        // A clock beyond the year 100,000 is none.
        now = min(max(0, Int64(reply[1]) ?? 0), 3_093_527_980_800_000)
        scope = reply[2] == "1" ? "key" : "org"
        window = reply[3]
        numbers = reply[4...7].map { min(max(0, Int64($0) ?? 0), Int64.max / 2) }
    }

    private var isMoney: Bool { window.hasPrefix("usd_") }

    private var resetMs: Int64 {
        if window.hasSuffix("_day") { return UTCCalendar.untilNextDay(nowMs: now) }
        if window.hasSuffix("_month") { return UTCCalendar.untilNextMonth(nowMs: now) }
        return numbers[3]
    }

    private func shown(_ number: Int64) -> String { isMoney ? NanoUSD(number).decimalUSD : String(number) }

    var error: GatewayError {
        let facts = LimitFacts(
            scope: scope, name: window, limit: shown(numbers[0]), used: shown(numbers[1]), reserved: shown(numbers[2]),
            resetMs: resetMs)
        let name = window.split(separator: "_").joined(separator: " ")
        let state = "limit \(facts.limit), used \(facts.used), reserved \(facts.reserved)"
        switch code {
        case "4", "5", "10":
            return GatewayError(
                .rateLimitExceeded,
                "This \(scope)'s \(name) are used up: \(state). Retry in \((numbers[3] + 999) / 1000) s.", limit: facts,
                retryAfterMs: max(1, numbers[3]))
        case "9":
            return GatewayError(
                .rateLimitExceeded,
                "This request is larger than the \(scope)'s \(name) allow at all: \(state). Make it smaller.",
                limit: facts, shouldRetry: false)
        case "11":
            return GatewayError(
                .budgetInFlight,
                "The rest of this \(scope)'s budget is held by running requests: \(state). Retry when they have ended.",
                limit: facts, retryAfterMs: max(1, numbers[3]))
        default:
            return GatewayError(
                .insufficientQuota,
                "This \(scope) has no room left in \(name): \(state). It starts anew in \(resetMs / 1000) s;"
                    + " raise the limit or wait.", limit: facts)
        }
    }
}
