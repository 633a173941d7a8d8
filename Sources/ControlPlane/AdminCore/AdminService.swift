internal import GatewayModel
package import KeyMaterial
package import PlaneContract

/// What the admin API does: makes ids and keys, changes rows, and waits until the workers can know.
package struct AdminService: Sendable {
    /// A new key, shown this once.
    package struct NewKey: Sendable {
        package var entry: KeyEntry
        package var key: HubKey
    }

    package static let pageMax = 200

    private let stores: any AdminStores
    private let digester: KeyDigester
    private let publish: @Sendable () async -> Bool

    /// - Parameter publish: pushes all pending changes to Redis; returns whether that is done.
    package init(stores: any AdminStores, digester: KeyDigester, publish: @escaping @Sendable () async -> Bool) {
        self.stores = stores
        self.digester = digester
        self.publish = publish
    }

    // MARK: Orgs

    package func createOrg(name: String, plan: String, limits: ScopeLimits, actor: String) async throws -> Org {
        let org = try await stores.createOrg(
            id: "org_" + Self.randomID(), name: name, plan: plan, limits: limits, actor: actor)
        _ = await publish()
        return org
    }

    package func org(_ id: String) async throws -> Org {
        guard let org = try await stores.org(id) else { throw AdminError.notFound("The org '\(id)'") }
        return org
    }

    package func orgs(after: String?, limit: Int) async throws -> [Org] {
        try await stores.orgs(after: after, limit: limit)
    }

    package func editOrg(_ id: String, _ edit: Edit, actor: String) async throws -> Org {
        guard let org = try await stores.editOrg(id, edit, actor: actor) else {
            throw AdminError.notFound("The org '\(id)'")
        }
        _ = await publish()
        return org
    }

    // MARK: Keys

    package func createKey(_ draft: KeyDraft, actor: String) async throws -> NewKey {
        _ = try await org(draft.orgID)
        let key = HubKey(
            random: (
                .random(in: .min ... .max), .random(in: .min ... .max), .random(in: .min ... .max),
                .random(in: .min ... .max)
            ))
        let entry = try await stores.createKey(
            id: "key_" + Self.randomID(), digest: digester.digest(of: key), display: key.display, draft, actor: actor)
        _ = await publish()
        return NewKey(entry: entry, key: key)
    }

    package func key(_ id: String) async throws -> KeyEntry {
        guard let key = try await stores.key(id) else { throw AdminError.notFound("The key '\(id)'") }
        return key
    }

    package func keys(org: String?, after: String?, limit: Int) async throws -> [KeyEntry] {
        try await stores.keys(org: org, after: after, limit: limit)
    }

    package func editKey(_ id: String, _ edit: Edit, actor: String) async throws -> KeyEntry {
        guard let key = try await stores.editKey(id, edit, actor: actor) else {
            throw AdminError.notFound("The key '\(id)'")
        }
        _ = await publish()
        return key
    }

    /// Revokes a key. `inForce`: no worker admits it any more; otherwise Redis could not be told yet and will be.
    package func revokeKey(_ id: String, actor: String) async throws -> (key: KeyEntry, inForce: Bool) {
        guard let key = try await stores.revokeKey(id, actor: actor) else {
            throw AdminError.notFound("The key '\(id)'")
        }
        return (key, await publish())
    }

    // MARK: The admin token

    /// Whether the token is the admin's.
    package func isAdmin(_ token: String) async throws -> Bool {
        guard let digest = try await stores.adminTokenDigest() else { return false }
        return Fingerprint.sha256(token) == digest
    }

    /// Makes the admin token; returns it, or `nil` when there is one already and `replacing` is false.
    package func makeAdminToken(replacing: Bool) async throws -> String? {
        let token = "aihub-admin-" + Self.randomID() + Self.randomID() + Self.randomID()
        return try await stores.setAdminTokenDigest(Fingerprint.sha256(token), replacing: replacing) ? token : nil
    }

    /// Sixteen base62 characters: 95 random bits.
    private static func randomID() -> String {
        Base62.encode([.random(in: .min...(.max >> 1)), .random(in: .min ... .max)], width: 22).suffix(16).description
    }
}
