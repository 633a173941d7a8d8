package import AdminCore
internal import Postgres

extension PostgresStores {
    /// Inserts an admin key with the pepper of its digest.
    ///
    /// - Returns: `nil` when the org does not exist within `access`.
    /// - Throws: `AdminError.invalid` when it would outlive the admin key that creates it.
    package func createAdminKey(
        _ access: Access, id: String, _ secret: StoredSecret, _ draft: AdminKeyDraft
    ) async throws -> AdminKeyEntry? {
        try await change(access) { connection in
            if let org = draft.orgID {
                guard try Self.exists(org: org, access, on: connection) else { return nil }
            }
            try Self.refuseOutliving(access, expiresAt: draft.expiresAt, on: connection)
            try Self.recordPepper(of: secret, on: connection)
            return try connection.query(
                """
                insert into admin_key (id, org_id, name, role, digest, display, created_by, expires_at)
                values ($1, $2, $3, $4, $5, $6, $7, $8::timestamptz) returning *
                """,
                [
                    id, draft.orgID, draft.name, draft.role.rawValue, secret.digest, secret.display, access.actor,
                    draft.expiresAt,
                ]
            ).first.map(Self.adminKey)
        }
    }

    /// Locks the caller's key, so that its revocation either comes first or waits.
    private static func refuseOutliving(
        _ access: Access, expiresAt: String?, on connection: PostgresConnection
    ) throws {
        guard case .adminKey(let id) = access.caller else { return }
        let own = try connection.query(
            """
            select (expires_at is not null and ($2::timestamptz is null or $2::timestamptz > expires_at)) as outlived
            from admin_key where id = $1 and revoked_at is null for share
            """, [id, expiresAt])
        guard let row = own.first else { throw AdminError.unauthorized }
        guard !row.bool("outlived") else {
            throw AdminError.invalid(
                "'expires_at' must not be later than the expiry of the admin key that asks.", param: "expires_at")
        }
    }

    /// - Returns: `nil` when it does not exist.
    package func adminKey(_ access: Access, _ id: String) async throws -> AdminKeyEntry? {
        try await read(
            access, "select * from admin_key where id = $1 and ($2::text is null or org_id = $2)", [id, access.org]
        ).first.map(Self.adminKey)
    }

    /// At most `limit` admin keys with ids above `after`, by id.
    package func adminKeys(
        _ access: Access, org: String?, after: String?, limit: Int
    ) async throws -> [AdminKeyEntry] {
        try await read(
            access,
            """
            select * from admin_key
            where ($1::text is null or org_id = $1) and ($2::text is null or id > $2)
                and ($4::text is null or org_id = $4)
            order by id limit $3::integer
            """, [org, after, String(limit), access.org]
        ).map(Self.adminKey)
    }

    /// Revokes an admin key that is not revoked yet.
    ///
    /// - Returns: the key after the change, `nil` when it does not exist.
    package func revokeAdminKey(_ access: Access, _ id: String) async throws -> AdminKeyEntry? {
        try await change(access) { connection in
            try connection.query(
                """
                update admin_key set revoked_at = now()
                where id = $1 and revoked_at is null and ($2::text is null or org_id = $2)
                """, [id, access.org])
            return try connection.query(
                "select * from admin_key where id = $1 and ($2::text is null or org_id = $2)", [id, access.org]
            ).first.map(Self.adminKey)
        }
    }

    /// Finds a valid admin key, and notes its use when the last note is a minute old.
    package func useAdminKey(digests: [String]) async throws -> AdminKeyEntry? {
        let rows = try await read(
            """
            select *, (last_used_at is null or last_used_at < now() - interval '1 minute') as use_is_due from admin_key
            where digest = any($1::text[]) and revoked_at is null and (expires_at is null or expires_at > now())
            """, [PostgresArray.literal(digests)])
        guard let row = rows.first else { return nil }
        if row.bool("use_is_due") {
            // Asks again, since another request may have noted it meanwhile.
            _ = try await read(
                """
                update admin_key set last_used_at = now()
                where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')
                """, [row.text("id")])
        }
        return Self.adminKey(row)
    }

    private static func adminKey(_ row: PostgresRow) -> AdminKeyEntry {
        AdminKeyEntry(
            id: row.text("id"), orgID: row["org_id"], name: row.text("name"), role: row.text("role"),
            display: row.text("display"), createdBy: row.text("created_by"), createdAt: row.text("created_at"),
            expiresAt: row["expires_at"], lastUsedAt: row["last_used_at"], revokedAt: row["revoked_at"])
    }
}
