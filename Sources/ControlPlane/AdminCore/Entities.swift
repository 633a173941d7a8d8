internal import KeyMaterial
package import PlaneContract

/// An organisation: what keys belong to and budgets are shared in.
package struct Org: Sendable, Equatable {
    package var id: String
    package var name: String
    package var plan: String
    package var status: String
    package var limits: ScopeLimits
    package var version: Int64
    package var createdAt: String

    package init(
        id: String, name: String, plan: String, status: String, limits: ScopeLimits, version: Int64, createdAt: String
    ) {
        self.id = id
        self.name = name
        self.plan = plan
        self.status = status
        self.limits = limits
        self.version = version
        self.createdAt = createdAt
    }
}

/// A key as the admin API shows it: never the key itself.
package struct KeyEntry: Sendable, Equatable {
    package var id: String
    package var orgID: String
    package var name: String
    package var display: String
    package var status: String
    package var expiresAt: String?
    package var allowedModels: [String]?
    package var limits: ScopeLimits
    package var version: Int64
    package var createdAt: String
    package var revokedAt: String?
    /// `nil`: what follows from the limits.
    package var outagePolicy: String?
    /// Until when a secret from before a rotation still works; `nil` when none does.
    package var overlapEndsAt: String?
    /// How long answers to its requests are kept, in seconds; 0 for none, `nil` leaves it to the name and the worker.
    package var cacheSeconds: Int64?
    /// The names it may call as its plan allows them, `nil` for all; known only of a key that was asked for by its id.
    package var callableModels: [String]?

    package init(
        id: String, orgID: String, name: String, display: String, status: String, expiresAt: String?,
        allowedModels: [String]?, limits: ScopeLimits, version: Int64, createdAt: String, revokedAt: String?,
        outagePolicy: String?, overlapEndsAt: String?, cacheSeconds: Int64? = nil
    ) {
        self.id = id
        self.orgID = orgID
        self.name = name
        self.display = display
        self.status = status
        self.expiresAt = expiresAt
        self.allowedModels = allowedModels
        self.limits = limits
        self.version = version
        self.createdAt = createdAt
        self.revokedAt = revokedAt
        self.outagePolicy = outagePolicy
        self.overlapEndsAt = overlapEndsAt
        self.cacheSeconds = cacheSeconds
    }
}

/// What a change leaves as it is, or sets, or lifts.
package enum Change<Value: Sendable & Equatable>: Sendable, Equatable {
    case keep
    case set(Value?)

    package func applied(to old: Value?) -> Value? {
        switch self {
        case .keep: old
        case .set(let value): value
        }
    }
}

package struct KeyDraft: Sendable {
    package var orgID: String
    package var name: String
    package var expiresAt: String?
    package var allowedModels: [String]?
    package var limits: ScopeLimits
    package var outagePolicy: String?
    package var cacheSeconds: Int64?

    package init(
        orgID: String, name: String, expiresAt: String?, allowedModels: [String]?, limits: ScopeLimits,
        outagePolicy: String?, cacheSeconds: Int64? = nil
    ) {
        self.orgID = orgID
        self.name = name
        self.expiresAt = expiresAt
        self.allowedModels = allowedModels
        self.limits = limits
        self.outagePolicy = outagePolicy
        self.cacheSeconds = cacheSeconds
    }
}

/// A change of a key or an org. `limits` maps the names of limits to their new value; `nil` lifts one.
package struct Edit: Sendable {
    package var name: String?
    package var plan: String?
    package var status: String?
    package var expiresAt: Change<String>
    package var allowedModels: Change<[String]>
    package var outagePolicy: Change<String>
    package var cacheSeconds: Change<Int64>
    package var limits: ScopeLimits
    /// The limits named in the edit; the others stay.
    package var named: Set<String>

    package init(
        name: String? = nil, plan: String? = nil, status: String? = nil, expiresAt: Change<String> = .keep,
        allowedModels: Change<[String]> = .keep, outagePolicy: Change<String> = .keep,
        cacheSeconds: Change<Int64> = .keep, limits: ScopeLimits = ScopeLimits(), named: Set<String> = []
    ) {
        self.name = name
        self.plan = plan
        self.status = status
        self.expiresAt = expiresAt
        self.allowedModels = allowedModels
        self.outagePolicy = outagePolicy
        self.cacheSeconds = cacheSeconds
        self.limits = limits
        self.named = named
    }
}

/// What is kept of a key's secret.
package struct StoredSecret: Sendable {
    package let digest: String
    /// The name of the pepper the digest is made under.
    package let pepper: String
    package let display: String

    init(of key: HubKey, by digester: KeyDigester) {
        digest = digester.digest(of: key)
        pepper = digester.current
        display = key.display
    }
}

/// Where orgs and keys are kept.
package protocol AdminStores: Sendable {
    func createOrg(id: String, name: String, plan: String, limits: ScopeLimits, actor: String) async throws -> Org
    func org(_ id: String) async throws -> Org?
    func orgs(after: String?, limit: Int) async throws -> [Org]
    func editOrg(_ id: String, _ edit: Edit, actor: String) async throws -> Org?
    func createKey(id: String, _ secret: StoredSecret, _ draft: KeyDraft, actor: String) async throws -> KeyEntry
    func key(_ id: String) async throws -> KeyEntry?
    func keys(org: String?, after: String?, limit: Int) async throws -> [KeyEntry]
    func editKey(_ id: String, _ edit: Edit, actor: String) async throws -> KeyEntry?
    func revokeKey(_ id: String, actor: String) async throws -> KeyEntry?
    /// Replaces a key's digest. Those before it work until the overlap ends at the latest.
    func rotateKey(
        _ id: String, _ secret: StoredSecret, overlapSeconds: Int64, actor: String
    ) async throws -> KeyEntry?
    func deadLetter(_ id: Int64) async throws -> DeadLetterEntry?
    /// Those that are not resolved.
    func deadLetters(after: Int64, limit: Int) async throws -> [DeadLetterEntry]
    /// - Returns: false where it is resolved already, or there is none.
    func resolveDeadLetter(_ id: Int64, as resolution: DeadLetterEntry.Resolution, actor: String) async throws -> Bool
    func adminTokenDigest() async throws -> String?
    func setAdminTokenDigest(_ digest: String, replacing: Bool) async throws -> Bool
}
