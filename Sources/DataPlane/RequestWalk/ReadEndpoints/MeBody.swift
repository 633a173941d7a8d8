internal import Admission
internal import GatewayModel
internal import PlaneContract

/// The body of `GET /v1/me`: plan, limits and what is left of them, per scope.
///
/// `stale` is true when the counters could not be read.
enum MeBody {
    static func json(_ key: KeyRecord, _ use: KeyUse?, isStale: Bool, version: Int64) -> String {
        let limits =
            scope("key", key.keyLimits, use?.key, use?.nowMs) + scope("org", key.orgLimits, use?.org, use?.nowMs)
            + shared(key, use?.nowMs)
        var out = "{\"object\":\"key\",\"id\":\(JSONText.quoted(key.keyID)),\"name\":\(JSONText.quoted(key.name))"
        out += ",\"org\":\(JSONText.quoted(key.orgID)),\"plan\":\(JSONText.quoted(key.plan))"
        out += ",\"status\":\"\(key.status.rawValue)\",\"config_version\":\(version),\"stale\":\(isStale)"
        out += ",\"outage_policy\":\"\(key.outagePolicy.rawValue)\""
        if let models = key.allowedModels {
            out += ",\"models\":[\(models.map(JSONText.quoted).joined(separator: ","))]"
        }
        if let use {
            out +=
                ",\"usage\":{\"requests_today\":\(use.key.day.requests),\"requests_this_month\":\(use.key.month.requests)"
            out += ",\"usd_today\":\(quoted(use.key.day.spent)),\"usd_this_month\":\(quoted(use.key.month.spent))"
            out += ",\"cache_hits_today\":\(use.key.savedToday.requests)"
            out += ",\"cache_hits_this_month\":\(use.key.savedThisMonth.requests)"
            out += ",\"usd_saved_today\":\(quoted(use.key.savedToday.nano))"
            out += ",\"usd_saved_this_month\":\(quoted(use.key.savedThisMonth.nano))"
            out += ",\"running\":\(use.key.open)}"
        }
        return out + ",\"limits\":[\(limits.joined(separator: ","))]}"
    }

    private static func scope(_ name: String, _ limits: ScopeLimits, _ use: ScopeUse?, _ now: Int64?) -> [String] {
        let day = now.map(UTCCalendar.untilNextDay)
        let month = now.map(UTCCalendar.untilNextMonth)
        let counts: [(String, Int64?, Int64?, Int64?)] = [
            ("requests_per_minute", limits.requestsPerMinute, use?.minuteRequests, 60_000),
            ("tokens_per_minute", limits.tokensPerMinute, use?.minuteTokens, 60_000),
            ("concurrent_requests", limits.concurrentRequests, use?.open, nil),
            ("requests_per_day", limits.requestsPerDay, use?.day.requests, day),
            ("requests_per_month", limits.requestsPerMonth, use?.month.requests, month),
        ]
        var out = counts.compactMap { limit in limit.1.map { count(name, limit.0, $0, limit.2, limit.3) } }
        if let limit = limits.perDay { out.append(money(name, "usd_per_day", limit, use?.day, day)) }
        if let limit = limits.perMonth { out.append(money(name, "usd_per_month", limit, use?.month, month)) }
        return out
    }

    /// The limit that all orgs of the plan share. How much the others have spent is not disclosed.
    private static func shared(_ key: KeyRecord, _ now: Int64?) -> [String] {
        guard let limit = key.planPerDay else { return [] }
        let who = JSONText.quoted("all organisations on the \(key.plan) plan together")
        var out = "{\"scope\":\"plan\",\"name\":\"usd_per_day\",\"limit\":\(quoted(limit)),\"shared_by\":\(who)"
        if let now { out += ",\"reset_ms\":\(UTCCalendar.untilNextDay(nowMs: now))" }
        return [out + "}"]
    }

    private static func count(_ scope: String, _ name: String, _ limit: Int64, _ used: Int64?, _ reset: Int64?)
        -> String
    {
        var out = "{\"scope\":\"\(scope)\",\"name\":\"\(name)\",\"limit\":\(limit)"
        if let used { out += ",\"used\":\(used),\"remaining\":\(max(0, limit - used))" }
        if let reset { out += ",\"reset_ms\":\(reset)" }
        return out + "}"
    }

    private static func money(
        _ scope: String, _ name: String, _ limit: NanoUSD, _ window: PeriodUse?, _ reset: Int64?
    ) -> String {
        var out = "{\"scope\":\"\(scope)\",\"name\":\"\(name)\",\"limit\":\(quoted(limit))"
        if let window {
            let left = NanoUSD(max(0, limit.nano - window.spent.nano - window.reserved.nano))
            out +=
                ",\"used\":\(quoted(window.spent)),\"reserved\":\(quoted(window.reserved)),\"remaining\":\(quoted(left))"
        }
        if let reset { out += ",\"reset_ms\":\(reset)" }
        return out + "}"
    }

    private static func quoted(_ amount: NanoUSD) -> String { "\"\(amount.decimalUSD)\"" }
}
