internal import GatewayModel
internal import PlaneContract

/// A refusal `{code, now, scope, window, limit, used, reserved, wait}` as an error its client can act on.
struct Refusal {
    private let code: String
    private let now: Int64
    private let scope: String
    private let window: String
    private let numbers: [Int64]
    private let plan: String
    private let isPlansLimit: Bool

    /// The scope at a position of the limiter's list, which starts at 1.
    static func scope(_ place: String) -> String { ["1": "key", "3": "plan"][place] ?? "org" }
    static func isShared(_ place: String) -> Bool { scope(place) == "plan" }

    /// - Parameter reply: eight items.
    init(_ reply: [String], for record: KeyRecord?) {
        code = reply[0]
        // A clock beyond the year 100,000 is corrupt: clamp it.
        now = min(max(0, Int64(reply[1]) ?? 0), 3_093_527_980_800_000)
        scope = Self.scope(reply[2])
        window = reply[3]
        numbers = reply[4...7].map { min(max(0, Int64($0) ?? 0), Int64.max / 2) }
        plan = record?.plan ?? ""
        isPlansLimit = record?.limitsFromPlan?.contains(reply[3]) ?? false
    }

    var error: GatewayError {
        let text = message
        switch code {
        case "4", "5", "10":
            return GatewayError(.rateLimitExceeded, text, limit: facts, retryAfterMs: max(1, numbers[3]))
        case "9": return GatewayError(.rateLimitExceeded, text, limit: facts, shouldRetry: false)
        case "11": return GatewayError(.budgetInFlight, text, limit: facts, retryAfterMs: max(1, numbers[3]))
        default: return GatewayError(.insufficientQuota, text, limit: facts)
        }
    }

    /// The facts to show. For a plan's shared budget only the limit: what other orgs spent is confidential.
    private var facts: LimitFacts {
        let isShared = scope == "plan"
        return LimitFacts(
            scope: scope, name: window, limit: shown(numbers[0]), used: isShared ? nil : shown(numbers[1]),
            reserved: isShared ? nil : shown(numbers[2]), resetMs: resetMs)
    }

    private var isMoney: Bool { window.hasPrefix("usd_") }

    private func shown(_ number: Int64) -> String { isMoney ? NanoUSD(number).decimalUSD : String(number) }

    private var resetMs: Int64 {
        if window.hasSuffix("_day") { return UTCCalendar.untilNextDay(nowMs: now) }
        if window.hasSuffix("_month") { return UTCCalendar.untilNextMonth(nowMs: now) }
        return numbers[3]
    }

    // MARK: Words

    private var message: String {
        let retry = "Retry in \(Self.duration(numbers[3]))."
        guard scope != "plan" else { return sharedMessage(retry) }
        switch code {
        case "4": return "\(subject): \(state) in the last minute. \(retry)"
        case "5":
            return "\(subject): \(state) in the last minute, and this request counts as \(numbers[2]). \(retry)"
        case "9":
            return "This request counts as \(numbers[2]) tokens, which is larger than what one minute allows"
                + " (\(subject): \(numbers[0]) tokens a minute). Make it smaller."
        case "10": return "\(subject): \(state) at once. Retry when one of them has ended."
        case "11": return "\(subject): \(state), and running requests hold the rest. Retry when they have ended."
        default:
            let isShort = isMoney && numbers[1] < numbers[0]
            return "\(subject): \(state)\(isShort ? ", and the rest does not cover this request" : ""). \(reset)"
        }
    }

    private func sharedMessage(_ retry: String) -> String {
        code == "11"
            ? "The \(plan) plan's shared budget has no room for this request just now. \(retry)"
            : "The \(plan) plan's shared budget for today is used up. \(reset)"
    }

    /// Whose limit it is: `This key`, `Free plan`, `Your organisation`.
    private var subject: String {
        if scope == "key" { return "This key" }
        guard isPlansLimit, let first = plan.first else { return "Your organisation" }
        return "\(first.uppercased())\(plan.dropFirst()) plan"
    }

    private var state: String {
        let span = window.hasSuffix("_day") ? " used today" : window.hasSuffix("_month") ? " used this month" : ""
        if isMoney { return "$\(shown(numbers[1])) of $\(shown(numbers[0]))\(span)" }
        let verb = window == "concurrent_requests" ? " running" : span.isEmpty ? " used" : span
        let unit = window.hasPrefix("tokens") ? "tokens" : "requests"
        return "\(numbers[1]) of \(numbers[0]) \(unit)\(verb)"
    }

    private var reset: String {
        let when = window.hasSuffix("_month") ? "00:00 UTC on the 1st" : "00:00 UTC"
        return "Resets in \(Self.duration(resetMs)) (\(when))."
    }

    /// A duration, rounded up, in its two largest non-zero units: `3 s`, `5 h 12 min`, `12 d 5 h`.
    static func duration(_ ms: Int64) -> String {
        guard ms > 59_000 else { return "\(max(1, (ms + 999) / 1000)) s" }
        let minutes = (ms + 59_999) / 60_000
        let (days, hours) = (minutes / 1440, minutes % 1440 / 60)
        if days > 0 { return hours > 0 ? "\(days) d \(hours) h" : "\(days) d" }
        let rest = minutes % 60
        return hours == 0 ? "\(rest) min" : rest > 0 ? "\(hours) h \(rest) min" : "\(hours) h"
    }
}
