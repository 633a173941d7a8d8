import AdminCore
import Synchronization

extension Access {
    /// As the conditions of the statements in `AdminStore` filter.
    func reaches(_ org: String?) -> Bool { self.org == nil || self.org == org }
}

extension MemoryStores {
    /// What the clock of these stores says; a key that expires before it has expired.
    static let now = "2026-01-02"

    func adminDigest(ofKey id: String) -> String? {
        state.withLock { state in state.adminDigests.first { $0.value == id }?.key }
    }

    /// The key expires now.
    func expireAdminKey(_ id: String) { state.withLock { $0.adminKeys[id]?.expiresAt = Self.now } }

    /// The key has a role that a newer release knows.
    func changeRole(ofAdminKey id: String, to role: String) { state.withLock { $0.adminKeys[id]?.role = role } }

    func createAdminKey(
        _ access: Access, id: String, _ secret: StoredSecret, _ draft: AdminKeyDraft
    ) async throws -> AdminKeyEntry? {
        if let org = draft.orgID {
            guard try await self.org(access, org) != nil else { return nil }
        }
        let key = AdminKeyEntry(
            id: id, orgID: draft.orgID, name: draft.name, role: draft.role.rawValue, display: secret.display,
            createdBy: access.actor, createdAt: "2026-01-01", expiresAt: draft.expiresAt, lastUsedAt: nil,
            revokedAt: nil)
        state.withLock {
            $0.adminKeys[id] = key
            $0.adminDigests[secret.digest] = id
        }
        return key
    }

    func adminKey(_ access: Access, _ id: String) async throws -> AdminKeyEntry? {
        state.withLock { state in state.adminKeys[id].flatMap { access.reaches($0.orgID) ? $0 : nil } }
    }

    func adminKeys(_ access: Access, org: String?, after: String?, limit: Int) async throws -> [AdminKeyEntry] {
        state.withLock { state in
            let all = state.adminKeys.values.sorted { $0.id < $1.id }.filter { access.reaches($0.orgID) }
            return Array(all.filter { $0.id > after ?? "" && (org == nil || $0.orgID == org) }.prefix(limit))
        }
    }

    func revokeAdminKey(_ access: Access, _ id: String) async throws -> AdminKeyEntry? {
        guard var key = try await adminKey(access, id) else { return nil }
        key.revokedAt = key.revokedAt ?? Self.now
        state.withLock { $0.adminKeys[id] = key }
        return key
    }

    func useAdminKey(digests: [String]) async throws -> AdminKeyEntry? {
        state.withLock { state in
            guard let id = digests.compactMap({ state.adminDigests[$0] }).first, let key = state.adminKeys[id],
                key.revokedAt == nil, key.expiresAt ?? "9" > Self.now
            else { return nil }
            state.adminKeys[id]?.lastUsedAt = Self.now
            return key
        }
    }
}
