internal import KeyMaterial
package import PlaneContract

/// An organisation, which owns keys and shares budgets among them.
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

/// A key as the admin API shows it, without its secret.
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
    /// `nil` for the policy that follows from the limits.
    package var outagePolicy: String?
    /// When the last retired secret stops working; `nil` when none works.
    package var overlapEndsAt: String?
    /// How long its responses are cached, in seconds; 0 for never.
    ///
    /// `nil` uses the setting of the model or alias, or else the worker's.
    package var cacheSeconds: Int64?
    /// The names the key may call under its plan, `nil` for all. Set only when the key was fetched by its id.
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

/// A change to an optional value: keep it, or set it, where `.set(nil)` removes it.
package enum Change<Value: Sendable & Equatable>: Sendable, Equatable {
    case unchanged
    case set(Value?)

    /// The value after the change.
    package func applied(to old: Value?) -> Value? {
        switch self {
        case .unchanged: old
        case .set(let value): value
        }
    }
}

/// A key to be created.
package struct KeyDraft: Sendable {
    package var orgID: String
    package var name: String
    package var expiresAt: String?
    package var allowedModels: [String]?
    package var limits: ScopeLimits
    package var outagePolicy: String?
    package var cacheSeconds: Int64?

    /// - Parameters:
    ///   - expiresAt: a timestamp as PostgreSQL reads it; `nil` for never.
    ///   - allowedModels: names of models and aliases; `nil` for all that the plan allows.
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

/// A change to a key or an org. Only the limits in `changedLimits` change; one that is `nil` in `limits` is removed.
package struct Edit: Sendable {
    package var name: String?
    package var plan: String?
    package var status: String?
    package var expiresAt: Change<String>
    package var allowedModels: Change<[String]>
    package var outagePolicy: Change<String>
    package var cacheSeconds: Change<Int64>
    package var limits: ScopeLimits
    /// The names of the limits this edit changes, as in the admin API.
    package var changedLimits: Set<String>

    package init(
        name: String? = nil, plan: String? = nil, status: String? = nil, expiresAt: Change<String> = .unchanged,
        allowedModels: Change<[String]> = .unchanged, outagePolicy: Change<String> = .unchanged,
        cacheSeconds: Change<Int64> = .unchanged, limits: ScopeLimits = ScopeLimits(), changedLimits: Set<String> = []
    ) {
        self.name = name
        self.plan = plan
        self.status = status
        self.expiresAt = expiresAt
        self.allowedModels = allowedModels
        self.outagePolicy = outagePolicy
        self.cacheSeconds = cacheSeconds
        self.limits = limits
        self.changedLimits = changedLimits
    }
}

/// The stored parts of a key's secret.
package struct StoredSecret: Sendable {
    package let digest: String
    /// The name of the pepper used for the digest.
    package let pepper: String
    package let display: String

    init(of key: HubKey, by digester: KeyDigester) {
        digest = digester.digest(of: key)
        pepper = digester.current
        display = key.display
    }

    init(of key: AdminKey, by digester: KeyDigester) {
        digest = digester.digest(of: key)
        pepper = digester.current
        display = key.display
    }
}

/// Storage of orgs, keys, admin keys, dead letters, the catalogue and the admin token.
///
/// What takes an `Access` reaches only the rows of its org, and treats all others as if they did not exist.
package protocol AdminStores: AdminKeyStores, CatalogueStores {
    var usage: any UsageStores { get }
    func createOrg(_ access: Access, id: String, name: String, plan: String, limits: ScopeLimits) async throws -> Org
    func org(_ access: Access, _ id: String) async throws -> Org?
    func orgs(_ access: Access, after: String?, limit: Int) async throws -> [Org]
    func editOrg(_ access: Access, _ id: String, _ edit: Edit) async throws -> Org?
    /// - Returns: `nil` when the draft's org does not exist within `access`.
    func createKey(_ access: Access, id: String, _ secret: StoredSecret, _ draft: KeyDraft) async throws -> KeyEntry?
    func key(_ access: Access, _ id: String) async throws -> KeyEntry?
    func keys(_ access: Access, org: String?, after: String?, limit: Int) async throws -> [KeyEntry]
    func editKey(_ access: Access, _ id: String, _ edit: Edit) async throws -> KeyEntry?
    func revokeKey(_ access: Access, _ id: String) async throws -> KeyEntry?
    /// Replaces a key's digest. Earlier ones work at the latest until the overlap ends.
    func rotateKey(
        _ access: Access, _ id: String, _ secret: StoredSecret, overlapSeconds: Int64
    ) async throws -> KeyEntry?
    func deadLetter(_ id: Int64) async throws -> DeadLetterEntry?
    /// Unresolved dead letters with an id above `after`.
    func deadLetters(after: Int64, limit: Int) async throws -> [DeadLetterEntry]
    /// - Returns: false when it is resolved already or does not exist.
    func resolveDeadLetter(_ id: Int64, as resolution: DeadLetterEntry.Resolution, actor: String) async throws -> Bool
    func adminTokenDigest() async throws -> String?
    func setAdminTokenDigest(_ digest: String, replacing: Bool) async throws -> Bool
}
