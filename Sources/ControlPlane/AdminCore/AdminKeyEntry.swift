/// An admin key as the admin API shows it, without its secret.
package struct AdminKeyEntry: Sendable, Equatable {
    /// How the ids of admin keys begin; the audit log has them as actors.
    package static let idPrefix = "adm_"

    package var id: String
    /// `nil` for the whole installation.
    package var orgID: String?
    package var name: String
    /// A `Role`, or one of a newer release.
    package var role: String
    package var display: String
    /// The name of its creator in the audit log.
    package var createdBy: String
    package var createdAt: String
    package var expiresAt: String?
    /// To about a minute.
    package var lastUsedAt: String?
    package var revokedAt: String?

    package init(
        id: String, orgID: String?, name: String, role: String, display: String, createdBy: String, createdAt: String,
        expiresAt: String?, lastUsedAt: String?, revokedAt: String?
    ) {
        self.id = id
        self.orgID = orgID
        self.name = name
        self.role = role
        self.display = display
        self.createdBy = createdBy
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
        self.revokedAt = revokedAt
    }
}

/// An admin key to be created.
package struct AdminKeyDraft: Sendable {
    package var name: String
    package var role: Role
    package var orgID: String?
    package var expiresAt: String?

    /// - Parameters:
    ///   - orgID: `nil` for the caller's org, or for the whole installation where the caller has no org.
    ///   - expiresAt: a timestamp as PostgreSQL reads it; `nil` for never.
    package init(name: String, role: Role, orgID: String?, expiresAt: String?) {
        self.name = name
        self.role = role
        self.orgID = orgID
        self.expiresAt = expiresAt
    }
}

/// Storage of admin keys.
package protocol AdminKeyStores: Sendable {
    /// - Returns: `nil` when the draft's org does not exist within `access`.
    /// - Throws: `AdminError.invalid` when it would outlive the admin key that creates it.
    func createAdminKey(
        _ access: Access, id: String, _ secret: StoredSecret, _ draft: AdminKeyDraft
    ) async throws -> AdminKeyEntry?
    func adminKey(_ access: Access, _ id: String) async throws -> AdminKeyEntry?
    func adminKeys(_ access: Access, org: String?, after: String?, limit: Int) async throws -> [AdminKeyEntry]
    func revokeAdminKey(_ access: Access, _ id: String) async throws -> AdminKeyEntry?
    /// The key with one of these digests that is neither revoked nor expired; notes that it was used.
    func useAdminKey(digests: [String]) async throws -> AdminKeyEntry?
}
