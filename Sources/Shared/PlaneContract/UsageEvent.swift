package import GatewayModel

/// What one request cost and how it ended: the payload of the usage stream and a row of the ledger.
///
/// It never contains any text of the conversation.
package struct UsageEvent: Codable, Sendable, Hashable {
    package var id: String
    package var keyID: String
    package var orgID: String
    /// The event loop that served it (`owner` in JSON).
    package var loopID: String
    /// The model or alias the client asked for.
    package var requested: String
    /// The model name the provider reported.
    package var model: String
    package var deployment: String
    package var priceID: Int64
    /// The time of admission by Redis's clock, in milliseconds; it decides the day and month of the charge.
    package var admittedMs: Int64
    package var usage: TokenUsage
    package var usageSource: UsageSource
    package var cost: NanoUSD
    package var hold: NanoUSD
    package var outcome: Outcome
    /// The HTTP status sent to the client; 0 when none was sent.
    package var status: Int
    package var attempts: Int
    package var streamed: Bool
    /// Whether the client got nothing, so that the request does not count against its request limits (`givenBack` in
    /// JSON).
    package var refundsRequest: Bool
    package var firstByteMs: Int64
    package var durationMs: Int64
    package var configVersion: Int64
    /// The provider's own usage object, at most `rawUsageBytesMax` bytes.
    package var rawUsage: String?
    /// For a cached response: its original cost, which was not charged again. `nil` for any other.
    package var saved: NanoUSD?
    /// The plan whose pool it is charged to; `nil` for none.
    package var pool: String?

    package static let rawUsageBytesMax = 512
    /// Bound on the stored model name of a provider, in bytes.
    package static let modelBytesMax = 128

    package init(
        id: String, keyID: String, orgID: String, loopID: String, requested: String, model: String, deployment: String,
        priceID: Int64, admittedMs: Int64, usage: TokenUsage, usageSource: UsageSource, cost: NanoUSD, hold: NanoUSD,
        outcome: Outcome, status: Int, attempts: Int, streamed: Bool, refundsRequest: Bool, firstByteMs: Int64,
        durationMs: Int64, configVersion: Int64, rawUsage: String?, saved: NanoUSD? = nil,
        pool: String? = nil
    ) {
        self.id = id
        self.keyID = keyID
        self.orgID = orgID
        self.loopID = loopID
        self.requested = requested
        self.model = model
        self.deployment = deployment
        self.priceID = priceID
        self.admittedMs = admittedMs
        self.usage = usage
        self.usageSource = usageSource
        self.cost = cost
        self.hold = hold
        self.outcome = outcome
        self.status = status
        self.attempts = attempts
        self.streamed = streamed
        self.refundsRequest = refundsRequest
        self.firstByteMs = firstByteMs
        self.durationMs = durationMs
        self.configVersion = configVersion
        self.rawUsage = rawUsage
        self.saved = saved
        self.pool = pool
    }
}

/// The names in JSON, which migrations read too.
extension UsageEvent {
    private enum CodingKeys: String, CodingKey {
        case id, keyID, orgID, requested, model, deployment, priceID, admittedMs, usage, usageSource, cost, hold,
            outcome
        case status, attempts, streamed, firstByteMs, durationMs, configVersion, rawUsage, saved, pool
        case loopID = "owner"
        case refundsRequest = "givenBack"
    }
}

extension UsageEvent {
    /// The event as one line of JSON.
    ///
    /// Written by hand, since this runs twice per request on the event loop; a test decodes it with `JSONDecoder`.
    package var json: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(640 + (rawUsage?.utf8.count ?? 0))
        // Each key brings the comma before it: one append less per member.
        func text(_ key: StaticString, _ value: String) {
            out.append(key)
            out.append(jsonEscaped: value)
            out.append(UInt8(ascii: "\""))
        }
        func number(_ key: StaticString, _ value: Int64) {
            out.append(key)
            out.append(decimal: value)
        }
        text("{\"id\":\"", id)
        text(",\"keyID\":\"", keyID)
        text(",\"orgID\":\"", orgID)
        text(",\"owner\":\"", loopID)
        text(",\"requested\":\"", requested)
        text(",\"model\":\"", model)
        text(",\"deployment\":\"", deployment)
        number(",\"priceID\":", priceID)
        number(",\"admittedMs\":", admittedMs)
        number(",\"usage\":{\"input\":", usage.input)
        number(",\"cacheRead\":", usage.cacheRead)
        number(",\"cacheWrite\":", usage.cacheWrite)
        number(",\"output\":", usage.output)
        // Rare, so left out when 0.
        if usage.imageInput != 0 { number(",\"imageInput\":", usage.imageInput) }
        if usage.cacheWriteHour != 0 { number(",\"cacheWriteHour\":", usage.cacheWriteHour) }
        if usage.images != 0 {
            number(",\"images\":", usage.images)
            number(",\"imagePlace\":", usage.imagePriceIndex)
        }
        number(",\"reasoning\":", usage.reasoning)
        text("},\"usageSource\":\"", usageSource.rawValue)
        number(",\"cost\":", cost.nano)
        number(",\"hold\":", hold.nano)
        text(",\"outcome\":\"", outcome.rawValue)
        number(",\"status\":", Int64(status))
        number(",\"attempts\":", Int64(attempts))
        number(",\"firstByteMs\":", firstByteMs)
        number(",\"durationMs\":", durationMs)
        number(",\"configVersion\":", configVersion)
        if let saved { number(",\"saved\":", saved.nano) }
        if let pool { text(",\"pool\":\"", pool) }
        if let rawUsage { text(",\"rawUsage\":\"", rawUsage) }
        out.append(refundsRequest ? ",\"givenBack\":true" : ",\"givenBack\":false")
        out.append(streamed ? ",\"streamed\":true}" : ",\"streamed\":false}")
        return out
    }
}
