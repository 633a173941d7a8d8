import AdminCore
import PlaneContract
import Synchronization

/// `AdminStores` in memory, for what the routes and `AdminService` decide. Rules that PostgreSQL keeps, such as that a
/// plan exists, are not here: the end-to-end tests have them.
final class MemoryStores: AdminStores {
    let usage: any UsageStores = NoUsage()
    struct State {
        var orgs: [String: Org] = [:]
        var keys: [String: KeyEntry] = [:]
        var digests: [String: String] = [:]
        var adminKeys: [String: AdminKeyEntry] = [:]
        var adminDigests: [String: String] = [:]
        var letters: [Int64: DeadLetterEntry] = [:]
        var tokenDigest: String?
        var tokenQueries = 0
    }

    let state = Mutex(State())
    let catalogue = MemoryCatalogue()

    /// How often the digest of the admin token was read.
    var tokenQueries: Int { state.withLock { $0.tokenQueries } }

    func digest(ofKey id: String) -> String? { state.withLock { $0.digests[id] } }

    func addDeadLetter(_ id: Int64) {
        let letter = DeadLetterEntry(
            id: id, at: "2026-01-01", shard: 3, entryID: "\(id)-0", kind: "final", event: "{}", reason: "unreadable",
            resolution: nil, resolvedAt: nil)
        state.withLock { $0.letters[id] = letter }
    }

    // MARK: Orgs

    func createOrg(
        _ access: Access, id: String, name: String, plan: String, limits: ScopeLimits
    ) async throws -> Org {
        let org = Org(
            id: id, name: name, plan: plan, status: "active", limits: limits, version: 1, createdAt: "2026-01-01")
        state.withLock { $0.orgs[id] = org }
        return org
    }

    /// As stored, whoever asks.
    func org(_ id: String) -> Org? { state.withLock { $0.orgs[id] } }

    func org(_ access: Access, _ id: String) async throws -> Org? {
        state.withLock { access.reaches(id) ? $0.orgs[id] : nil }
    }

    func orgs(_ access: Access, after: String?, limit: Int) async throws -> [Org] {
        state.withLock { state in
            Array(
                state.orgs.values.sorted { $0.id < $1.id }
                    .filter { $0.id > after ?? "" && access.reaches($0.id) }.prefix(limit))
        }
    }

    func editOrg(_ access: Access, _ id: String, _ edit: Edit) async throws -> Org? {
        state.withLock { state in
            guard access.reaches(id), var org = state.orgs[id] else { return nil }
            org.name = edit.name ?? org.name
            org.plan = edit.plan ?? org.plan
            org.status = edit.status ?? org.status
            org.limits = Self.limits(org.limits, edit)
            org.version += 1
            state.orgs[id] = org
            return org
        }
    }

    // MARK: Keys

    func createKey(
        _ access: Access, id: String, _ secret: StoredSecret, _ draft: KeyDraft
    ) async throws -> KeyEntry? {
        guard try await org(access, draft.orgID) != nil else { return nil }
        let key = KeyEntry(
            id: id, orgID: draft.orgID, name: draft.name, display: secret.display, status: "active",
            expiresAt: draft.expiresAt, allowedModels: draft.allowedModels, limits: draft.limits, version: 1,
            createdAt: "2026-01-01", revokedAt: nil, outagePolicy: draft.outagePolicy, overlapEndsAt: nil,
            cacheSeconds: draft.cacheSeconds)
        state.withLock {
            $0.keys[id] = key
            $0.digests[id] = secret.digest
        }
        return key
    }

    /// As stored, whoever asks.
    func key(_ id: String) -> KeyEntry? { state.withLock { $0.keys[id] } }

    func key(_ access: Access, _ id: String) async throws -> KeyEntry? {
        state.withLock { state in
            guard var key = state.keys[id], access.reaches(key.orgID) else { return nil }
            key.callableModels = key.allowedModels
            return key
        }
    }

    func keys(_ access: Access, org: String?, after: String?, limit: Int) async throws -> [KeyEntry] {
        state.withLock { state in
            let all = state.keys.values.sorted { $0.id < $1.id }.filter { access.reaches($0.orgID) }
            return Array(all.filter { $0.id > after ?? "" && (org == nil || $0.orgID == org) }.prefix(limit))
        }
    }

    func editKey(_ access: Access, _ id: String, _ edit: Edit) async throws -> KeyEntry? {
        change(access, id) { key in
            key.name = edit.name ?? key.name
            key.expiresAt = edit.expiresAt.applied(to: key.expiresAt)
            key.allowedModels = edit.allowedModels.applied(to: key.allowedModels)
            key.outagePolicy = edit.outagePolicy.applied(to: key.outagePolicy)
            key.cacheSeconds = edit.cacheSeconds.applied(to: key.cacheSeconds)
            key.limits = Self.limits(key.limits, edit)
        }
    }

    func revokeKey(_ access: Access, _ id: String) async throws -> KeyEntry? {
        guard try await key(access, id)?.status != "revoked" else { return try await key(access, id) }
        return change(access, id) { key in
            key.status = "revoked"
            key.revokedAt = "2026-01-02"
        }
    }

    func rotateKey(
        _ access: Access, _ id: String, _ secret: StoredSecret, overlapSeconds: Int64
    ) async throws -> KeyEntry? {
        guard try await key(access, id) != nil else { return nil }
        state.withLock { $0.digests[id] = secret.digest }
        return change(access, id) { key in
            key.display = secret.display
            key.overlapEndsAt = overlapSeconds > 0 ? "in \(overlapSeconds) s" : nil
        }
    }

    private func change(_ access: Access, _ id: String, _ body: (inout KeyEntry) -> Void) -> KeyEntry? {
        state.withLock { state in
            guard var key = state.keys[id], access.reaches(key.orgID) else { return nil }
            body(&key)
            key.version += 1
            state.keys[id] = key
            return key
        }
    }

    private static func limits(_ old: ScopeLimits, _ edit: Edit) -> ScopeLimits {
        var new = old
        if edit.changedLimits.contains("requests_per_minute") { new.requestsPerMinute = edit.limits.requestsPerMinute }
        if edit.changedLimits.contains("tokens_per_minute") { new.tokensPerMinute = edit.limits.tokensPerMinute }
        if edit.changedLimits.contains("concurrent_requests") {
            new.concurrentRequests = edit.limits.concurrentRequests
        }
        if edit.changedLimits.contains("requests_per_day") { new.requestsPerDay = edit.limits.requestsPerDay }
        if edit.changedLimits.contains("requests_per_month") { new.requestsPerMonth = edit.limits.requestsPerMonth }
        if edit.changedLimits.contains("usd_per_day") { new.perDay = edit.limits.perDay }
        if edit.changedLimits.contains("usd_per_month") { new.perMonth = edit.limits.perMonth }
        return new
    }

    // MARK: Dead letters and the admin token

    func deadLetter(_ id: Int64) async throws -> DeadLetterEntry? { state.withLock { $0.letters[id] } }

    func deadLetters(after: Int64, limit: Int) async throws -> [DeadLetterEntry] {
        state.withLock { state in
            let waiting = state.letters.values.filter { $0.resolution == nil && $0.id > after }
            return Array(waiting.sorted { $0.id < $1.id }.prefix(limit))
        }
    }

    func resolveDeadLetter(
        _ id: Int64, as resolution: DeadLetterEntry.Resolution, actor: String
    ) async throws -> Bool {
        state.withLock { state in
            guard state.letters[id] != nil, state.letters[id]?.resolution == nil else { return false }
            state.letters[id]?.resolution = resolution.rawValue
            state.letters[id]?.resolvedAt = "2026-01-02"
            return true
        }
    }

    func adminTokenDigest() async throws -> String? {
        state.withLock { state in
            state.tokenQueries += 1
            return state.tokenDigest
        }
    }

    func setAdminTokenDigest(_ digest: String, replacing: Bool) async throws -> Bool {
        state.withLock { state in
            guard replacing || state.tokenDigest == nil else { return false }
            state.tokenDigest = digest
            return true
        }
    }
}
