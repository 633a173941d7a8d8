internal import GatewayModel
package import KeyMaterial
package import PlaneContract
package import Routing

/// The operations of the admin API: create ids and keys, change rows, publish the changes and report what is pending.
package struct AdminService: Sendable {
    /// A new key with its secret, which is returned only this once.
    package struct NewKey: Sendable {
        package var entry: KeyEntry
        package var key: HubKey
    }

    package static let pageMax = 200
    /// Secrets of one key that may be retired in 30 days: each is published with the key, beside what others change.
    package static let rotationsMax = 50
    /// The longest overlap of two secrets, seven days; the database enforces the same.
    package static let overlapSecondsMax: Int64 = 604_800

    /// How long a key's responses may be cached; the database enforces the same.
    package static let cacheSeconds: ClosedRange<Int64> = 0...86_400

    let stores: any AdminStores
    let digester: @Sendable () -> KeyDigester
    let propagation: Propagation
    private let explainer: RouteExplainer

    /// - Parameters:
    ///   - digester: called for each new secret, since the pepper may change while this runs.
    ///   - explainer: explains routes.
    ///   - propagation: publishes pending changes and says what is not in force yet.
    package init(
        stores: any AdminStores, digester: @escaping @Sendable () -> KeyDigester, explainer: @escaping RouteExplainer,
        propagation: @escaping Propagation
    ) {
        self.stores = stores
        self.explainer = explainer
        self.digester = digester
        self.propagation = propagation
    }

    /// What is still pending before every change made before this call is in force on every worker.
    package func pending() async -> PendingPropagation? { await propagation(.everything) }

    // MARK: Orgs

    /// Creates an active org.
    ///
    /// - Throws: `AdminError.invalid` for an unknown plan or a limit out of range.
    package func createOrg(
        _ access: Access, name: String, plan: String, limits: ScopeLimits
    ) async throws -> Org {
        let org = try await stores.createOrg(
            access, id: "org_" + Self.randomID(), name: name, plan: plan, limits: limits)
        _ = await propagation(.urgent)
        return org
    }

    /// - Throws: `AdminError.notFound`.
    package func org(_ access: Access, _ id: String) async throws -> Org {
        guard let org = try await stores.org(access, id) else { throw AdminError.notFound("The org '\(id)'") }
        return org
    }

    /// At most `limit` orgs with ids above `after`, by id.
    package func orgs(_ access: Access, after: String?, limit: Int) async throws -> [Org] {
        try await stores.orgs(access, after: after, limit: limit)
    }

    /// Changes an org and publishes the change, with the records of all its keys.
    ///
    /// - Returns: the org after the change, and what keeps the change from being in force everywhere.
    /// - Throws: `AdminError.notFound`, `.forbidden` when it changes more than the name and the caller may not, or
    ///   `.invalid` for a value the database refuses.
    package func editOrg(
        _ access: Access, _ id: String, _ edit: Edit
    ) async throws -> (org: Org, pending: PendingPropagation?) {
        if edit.plan != nil || edit.status != nil || !edit.changedLimits.isEmpty { try access.require(.orgsWrite) }
        guard let org = try await stores.editOrg(access, id, edit) else {
            throw AdminError.notFound("The org '\(id)'")
        }
        return (org, await propagation(org.status == "active" ? .everything : .urgent))
    }

    // MARK: Keys

    /// Creates a key and publishes it.
    ///
    /// - Throws: `AdminError.notFound` for an org that is unknown or another's, `.forbidden` for an outage policy the
    ///   caller may not choose, `.invalid` for a value the database refuses.
    package func createKey(_ access: Access, _ draft: KeyDraft) async throws -> NewKey {
        if draft.outagePolicy != nil { try access.require(.keysOutagePolicy) }
        let key = HubKey(random: Self.randomWords())
        let stored = StoredSecret(of: key, by: digester())
        guard let entry = try await stores.createKey(access, id: "key_" + Self.randomID(), stored, draft) else {
            throw AdminError.notFound("The org '\(draft.orgID)'")
        }
        _ = await propagation(.urgent)
        return NewKey(entry: entry, key: key)
    }

    /// The key with `callableModels`.
    ///
    /// - Throws: `AdminError.notFound`.
    package func key(_ access: Access, _ id: String) async throws -> KeyEntry {
        guard let key = try await stores.key(access, id) else { throw AdminError.notFound("The key '\(id)'") }
        return key
    }

    /// At most `limit` keys with ids above `after`, by id; of one org, or of all the caller reaches for `nil`.
    package func keys(_ access: Access, org: String?, after: String?, limit: Int) async throws -> [KeyEntry] {
        try await stores.keys(access, org: org, after: after, limit: limit)
    }

    /// Changes a key and publishes the change.
    ///
    /// - Returns: the key after the change, and what keeps the change from being in force everywhere.
    /// - Throws: `AdminError.notFound`, `.forbidden` for an outage policy the caller may not choose, or `.invalid` for
    ///   a value the database refuses.
    package func editKey(
        _ access: Access, _ id: String, _ edit: Edit
    ) async throws -> (key: KeyEntry, pending: PendingPropagation?) {
        if edit.outagePolicy != .unchanged { try access.require(.keysOutagePolicy) }
        guard let key = try await stores.editKey(access, id, edit) else {
            throw AdminError.notFound("The key '\(id)'")
        }
        return (key, await propagation(.urgent))
    }

    /// Revokes a key for good. Idempotent.
    ///
    /// - Throws: `AdminError.notFound`.
    package func revokeKey(
        _ access: Access, _ id: String
    ) async throws -> (key: KeyEntry, pending: PendingPropagation?) {
        guard let key = try await stores.revokeKey(access, id) else {
            throw AdminError.notFound("The key '\(id)'")
        }
        return (key, await propagation(.urgent))
    }

    /// Gives a key a new secret. Earlier secrets work until the overlap ends, which is at once when it is 0.
    package func rotateKey(
        _ access: Access, _ id: String, overlapSeconds: Int64
    ) async throws -> (newKey: NewKey, pending: PendingPropagation?) {
        guard try await self.key(access, id).status != "revoked" else {
            throw AdminError.conflict("The key '\(id)' is revoked, which is final. Create a new key.")
        }
        let key = HubKey(random: Self.randomWords())
        let stored = StoredSecret(of: key, by: digester())
        let entry = try await stores.rotateKey(access, id, stored, overlapSeconds: overlapSeconds)
        guard let entry else { throw AdminError.notFound("The key '\(id)'") }
        return (NewKey(entry: entry, key: key), await propagation(.urgent))
    }

    // MARK: Routes

    /// The route a request would take, and why.
    package func explain(_ access: Access, _ question: RouteQuestion) async throws -> RouteExplanation {
        var allowed: [String]?
        if let id = question.keyID { allowed = try await key(access, id).callableModels }
        return try await explainer(question, allowed)
    }

    // MARK: The admin token

    /// Whether the token is the admin token.
    package func isAdmin(_ token: String) async throws -> Bool {
        // A token of the wrong shape costs no query.
        guard token.hasPrefix(Self.tokenPrefix), token.utf8.count == Self.tokenPrefix.utf8.count + 48 else {
            return false
        }
        guard let digest = try await stores.adminTokenDigest() else { return false }
        return Fingerprint.sha256(token) == digest
    }

    /// Creates the admin token and returns it. Returns `nil` when there is one already and `replacing` is false.
    package func makeAdminToken(replacing: Bool) async throws -> String? {
        let token = Self.tokenPrefix + Self.randomID() + Self.randomID() + Self.randomID()
        return try await stores.setAdminTokenDigest(Fingerprint.sha256(token), replacing: replacing) ? token : nil
    }

    private static let tokenPrefix = "aihub-admin-"

    /// 256 random bits.
    static func randomWords() -> (UInt64, UInt64, UInt64, UInt64) {
        (
            .random(in: .min ... .max), .random(in: .min ... .max), .random(in: .min ... .max),
            .random(in: .min ... .max)
        )
    }

    /// Sixteen base62 characters: 95 random bits.
    static func randomID() -> String {
        Base62.encode([.random(in: .min...(.max >> 1)), .random(in: .min ... .max)], width: 22).suffix(16).description
    }
}
