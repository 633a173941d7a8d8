package import KeyMaterial

extension AdminService {
    /// A new admin key with its secret, which is returned only this once.
    package struct NewAdminKey: Sendable {
        package var entry: AdminKeyEntry
        package var key: AdminKey
    }

    /// Who sends this token; `nil` for one that is unknown, revoked or expired.
    package func access(for token: String) async throws -> Access? {
        guard let key = AdminKey(parsing: token) else { return try await isAdmin(token) ? .adminToken : nil }
        return try await stores.useAdminKey(digests: digester().digests(of: key)).flatMap(Access.init(of:))
    }

    /// The admin key that the caller uses; `nil` for the admin token.
    package func ownAdminKey(_ access: Access) async throws -> AdminKeyEntry? {
        guard case .adminKey(let id) = access.caller else { return nil }
        return try await adminKey(access, id)
    }

    /// Creates an admin key with at most the caller's rights, for at most as long as the caller's.
    ///
    /// - Throws: `AdminError.notFound` for an org that is unknown or another's, `.forbidden` for a role with more
    ///   rights, `.invalid` for a value the database refuses.
    package func createAdminKey(_ access: Access, _ draft: AdminKeyDraft) async throws -> NewAdminKey {
        try access.require(rightsOf: draft.role)
        var draft = draft
        draft.orgID = draft.orgID ?? access.org
        if draft.role.isOfAnOrg, draft.orgID == nil {
            throw AdminError.invalid("The role '\(draft.role.rawValue)' needs an 'org_id'.", param: "org_id")
        }
        if !draft.role.isOfAnOrg, draft.orgID != nil {
            throw AdminError.invalid(
                "The role '\(draft.role.rawValue)' is for the whole installation: leave out 'org_id'.", param: "org_id")
        }
        let key = AdminKey(random: Self.randomWords())
        let stored = StoredSecret(of: key, by: digester())
        guard
            let entry = try await stores.createAdminKey(
                access, id: AdminKeyEntry.idPrefix + Self.randomID(), stored, draft)
        else {
            throw AdminError.notFound("The org '\(draft.orgID ?? "")'")
        }
        return NewAdminKey(entry: entry, key: key)
    }

    /// At most `limit` admin keys with ids above `after`, by id, revoked ones too.
    package func adminKeys(
        _ access: Access, org: String?, after: String?, limit: Int
    ) async throws -> [AdminKeyEntry] {
        try await stores.adminKeys(access, org: org, after: after, limit: limit)
    }

    /// Revokes an admin key for good, in force when this returns. Idempotent.
    ///
    /// - Throws: `AdminError.notFound`, or `.forbidden` for a key with more rights than the caller's.
    package func revokeAdminKey(_ access: Access, _ id: String) async throws -> AdminKeyEntry {
        if let role = Role(rawValue: try await adminKey(access, id).role) {
            try access.require(rightsOf: role)
        } else {
            // A role of a newer release: nobody knows here what it may do.
            try access.require(.installationWrite)
        }
        guard let key = try await stores.revokeAdminKey(access, id) else { throw Self.unknownAdminKey(id) }
        return key
    }

    private func adminKey(_ access: Access, _ id: String) async throws -> AdminKeyEntry {
        guard let key = try await stores.adminKey(access, id) else { throw Self.unknownAdminKey(id) }
        return key
    }

    private static func unknownAdminKey(_ id: String) -> AdminError { .notFound("The admin key '\(id)'") }
}
