import GatewayModel
import PlaneContract
import Postgres
import Publication
import Testing

/// The key record that a row of PostgreSQL becomes.
@Suite struct StoredKeyTests {
    /// The columns of a key without limits in a plan without limits.
    private static let plain: [String: String?] = [
        "secret_digest": "d1", "id": "key_1", "org_id": "org_a", "key_name": "n", "plan": "free", "version": "3",
        "org_version": "2", "status": "active", "org_status": "active", "is_over": "f", "expires_ms": nil,
        "callable_models": nil, "outage_policy": nil, "cache_seconds": nil, "standard_concurrency": "100",
        "nano_usd_per_day_all_orgs": nil,
    ]

    private func record(_ more: [String: String?] = [:]) -> KeyRecord {
        let fields = Self.plain.merging(more) { $1 }
        return PublicationStore.storedKey(PostgresRow(fields)).record
    }

    @Test("takes over names, versions and the digest it is found by")
    func plain() {
        let key = PublicationStore.storedKey(PostgresRow(Self.plain))
        #expect(key.digest == "d1" && key.record.keyID == "key_1" && key.record.orgID == "org_a")
        #expect(key.record.version == 3 && key.record.orgVersion == 2 && key.record.recordVersion == 5)
        #expect(key.record.status == .active && key.record.allowedModels == nil && key.record.pool == nil)
    }

    @Test("what has ended by the database's clock is revoked, so that no worker's clock decides")
    func status() {
        #expect(record(["is_over": "t"]).status == .revoked)
        #expect(record(["status": "revoked", "org_status": "suspended"]).status == .revoked)
        #expect(record(["org_status": "suspended"]).status == .suspended)
    }

    @Test("an org's limits are its plan's, tightened by its own")
    func orgLimits() {
        let found = record([
            "org_requests_per_day": "100", "own_requests_per_day": "40", "org_nano_usd_per_day": "7",
            "own_nano_usd_per_day": "9",
        ])
        #expect(found.orgLimits.requestsPerDay == 40 && found.orgLimits.perDay == NanoUSD(7))
        #expect(found.limitsFromPlan == ["usd_per_day"], "an error can say whose limit it was")
    }

    @Test("a key's limits are its plan's for keys, tightened by its own")
    func keyLimits() {
        let found = record(["key_tokens_per_minute": "50", "tokens_per_minute": "60", "requests_per_month": "5"])
        #expect(found.keyLimits.tokensPerMinute == 50 && found.keyLimits.requestsPerMonth == 5)
        #expect(found.orgLimits == ScopeLimits())
    }

    @Test("a key without a limit on concurrent requests has the standard one")
    func concurrency() {
        #expect(record().keyLimits.concurrentRequests == 100)
        #expect(record(["concurrent_requests": "500"]).keyLimits.concurrentRequests == 500)
        #expect(record(["key_concurrent_requests": "2"]).keyLimits.concurrentRequests == 2)
    }

    @Test("an outage policy that is not set follows from the limits")
    func outagePolicy() {
        #expect(record().outagePolicy == .allowLocal)
        #expect(record(["requests_per_day": "1"]).outagePolicy == .deny)
        #expect(record(["requests_per_day": "1", "outage_policy": "allow"]).outagePolicy == .allow)
    }

    @Test("a plan's shared budget names the pool, and models the names that may be called")
    func planAndModels() {
        let found = record(["nano_usd_per_day_all_orgs": "1000", "callable_models": #"{a,"b c"}"#])
        #expect(found.pool == "free" && found.planPerDay == NanoUSD(1_000))
        #expect(found.allowedModels == ["a", "b c"])
        #expect(record(["callable_models": "{}"]).allowedModels == [], "none is not all")
    }
}
