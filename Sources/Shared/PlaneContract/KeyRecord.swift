package import GatewayModel

/// The limits of one scope (a key or an org), as the limiter takes them; `nil` means no limit of that kind.
package struct ScopeLimits: Codable, Sendable, Hashable {
    package var requestsPerMinute: Int64?
    package var tokensPerMinute: Int64?
    package var concurrentRequests: Int64?
    package var requestsPerDay: Int64?
    package var requestsPerMonth: Int64?
    package var perDay: NanoUSD?
    package var perMonth: NanoUSD?

    package init() {}

    package init(
        requestsPerMinute: Int64? = nil, tokensPerMinute: Int64? = nil, concurrentRequests: Int64? = nil,
        requestsPerDay: Int64? = nil, requestsPerMonth: Int64? = nil, perDay: NanoUSD? = nil, perMonth: NanoUSD? = nil
    ) {
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.concurrentRequests = concurrentRequests
        self.requestsPerDay = requestsPerDay
        self.requestsPerMonth = requestsPerMonth
        self.perDay = perDay
        self.perMonth = perMonth
    }

    /// Whether it has a limit that only the limiter's counters can enforce.
    var needsCounters: Bool { requestsPerDay != nil || requestsPerMonth != nil || perDay != nil || perMonth != nil }

    /// The tighter of the two for each limit: a plan is a ceiling, and an org's or key's own limits only tighten it.
    package func tightened(by other: ScopeLimits) -> ScopeLimits {
        func least<T: Comparable>(_ a: T?, _ b: T?) -> T? {
            guard let a else { return b }
            guard let b else { return a }
            return min(a, b)
        }
        return ScopeLimits(
            requestsPerMinute: least(requestsPerMinute, other.requestsPerMinute),
            tokensPerMinute: least(tokensPerMinute, other.tokensPerMinute),
            concurrentRequests: least(concurrentRequests, other.concurrentRequests),
            requestsPerDay: least(requestsPerDay, other.requestsPerDay),
            requestsPerMonth: least(requestsPerMonth, other.requestsPerMonth),
            perDay: least(perDay, other.perDay), perMonth: least(perMonth, other.perMonth))
    }

    /// The names of the limits that are set and equal in both.
    package func names(sharedWith other: ScopeLimits) -> [String] {
        let pairs: [(String, Int64?, Int64?)] = [
            ("requests_per_minute", requestsPerMinute, other.requestsPerMinute),
            ("tokens_per_minute", tokensPerMinute, other.tokensPerMinute),
            ("concurrent_requests", concurrentRequests, other.concurrentRequests),
            ("requests_per_day", requestsPerDay, other.requestsPerDay),
            ("requests_per_month", requestsPerMonth, other.requestsPerMonth),
            ("usd_per_day", perDay?.nano, other.perDay?.nano), ("usd_per_month", perMonth?.nano, other.perMonth?.nano),
        ]
        return pairs.filter { $0.1 != nil && $0.1 == $0.2 }.map(\.0)
    }
}

/// What a worker does with a key's requests while the limiter cannot be reached.
package enum OutagePolicy: String, Codable, Sendable {
    /// Refuse its requests.
    case deny
    /// Admit them within the worker's share of the per-minute limits.
    case allowLocal = "allow_local"
    /// Admit them.
    case allow

    /// The default for a key without a policy: limits that need counters are not admitted without them.
    package static func standard(_ limits: ScopeLimits...) -> OutagePolicy {
        limits.contains { $0.needsCounters } ? .deny : .allowLocal
    }
}

/// What a worker knows about a key: the value of `k:<digest>`, written only by the control plane.
package struct KeyRecord: Codable, Sendable, Hashable {
    /// The version of the conversion from rows to records.
    ///
    /// Raised when the same row yields another record, so that all are published again.
    package static let formatVersion = 1

    package enum Status: String, Codable, Sendable { case active, revoked, suspended }

    private enum CodingKeys: String, CodingKey {
        case keyID, orgID, name, plan, version, orgVersion, status, expiresAtMs, allowedModels, keyLimits, orgLimits
        case outagePolicy, cacheSeconds, planPerDay
        case limitsFromPlan = "plansLimits"
    }

    package var keyID: String
    package var orgID: String
    package var name: String
    package var plan: String
    /// Increases with every change of the key or of what its limits derive from; `admit` compares it inside Redis.
    package var version: Int64
    package var orgVersion: Int64
    package var status: Status
    /// Milliseconds since 1970 UTC, after which the key is refused.
    package var expiresAtMs: Int64?
    /// Names the key may call; `nil` means all.
    package var allowedModels: [String]?
    package var keyLimits: ScopeLimits
    package var orgLimits: ScopeLimits
    package var outagePolicy: OutagePolicy
    /// How long responses to its requests are cached, in seconds; 0 disables the cache.
    ///
    /// `nil` uses the setting of the model or alias, or else the worker's.
    package var cacheSeconds: Int64?
    /// The names of the org's limits that come from its plan, so that an error can say whose limit it was.
    ///
    /// `plansLimits` in JSON; `nil` in older records.
    package var limitsFromPlan: [String]?
    /// What all orgs of the plan together may spend per UTC day; `nil` for no shared budget.
    package var planPerDay: NanoUSD?

    /// - Parameter outagePolicy: `nil` for the one that follows from the limits.
    package init(
        keyID: String, orgID: String, name: String, plan: String, version: Int64, orgVersion: Int64, status: Status,
        expiresAtMs: Int64?, allowedModels: [String]?, keyLimits: ScopeLimits, orgLimits: ScopeLimits,
        outagePolicy: OutagePolicy? = nil, cacheSeconds: Int64? = nil, limitsFromPlan: [String]? = nil,
        planPerDay: NanoUSD? = nil
    ) {
        self.keyID = keyID
        self.orgID = orgID
        self.name = name
        self.plan = plan
        self.version = version
        self.orgVersion = orgVersion
        self.status = status
        self.expiresAtMs = expiresAtMs
        self.allowedModels = allowedModels
        self.keyLimits = keyLimits
        self.orgLimits = orgLimits
        self.outagePolicy = outagePolicy ?? (planPerDay == nil ? .standard(keyLimits, orgLimits) : .deny)
        self.cacheSeconds = cacheSeconds
        self.limitsFromPlan = limitsFromPlan
        self.planPerDay = planPerDay
    }

    /// Older records lack the outage policy and the cache setting.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            keyID: try values.decode(String.self, forKey: .keyID),
            orgID: try values.decode(String.self, forKey: .orgID),
            name: try values.decode(String.self, forKey: .name), plan: try values.decode(String.self, forKey: .plan),
            version: try values.decode(Int64.self, forKey: .version),
            orgVersion: try values.decode(Int64.self, forKey: .orgVersion),
            status: try values.decode(Status.self, forKey: .status),
            expiresAtMs: try values.decodeIfPresent(Int64.self, forKey: .expiresAtMs),
            allowedModels: try values.decodeIfPresent([String].self, forKey: .allowedModels),
            keyLimits: try values.decode(ScopeLimits.self, forKey: .keyLimits),
            orgLimits: try values.decode(ScopeLimits.self, forKey: .orgLimits),
            outagePolicy: try values.decodeIfPresent(OutagePolicy.self, forKey: .outagePolicy),
            cacheSeconds: try values.decodeIfPresent(Int64.self, forKey: .cacheSeconds),
            limitsFromPlan: try values.decodeIfPresent([String].self, forKey: .limitsFromPlan),
            planPerDay: try values.decodeIfPresent(NanoUSD.self, forKey: .planPerDay))
    }

    /// Increases with every change of the record, since key and org versions both only rise.
    package var recordVersion: Int64 { version + orgVersion }

    /// The plan whose pool its requests are charged to; `nil` for none.
    package var pool: String? { planPerDay == nil ? nil : plan }

    /// Whether the key may name this model or alias in a request.
    package func mayCall(_ model: String) -> Bool { allowedModels?.contains(model) ?? true }
}
