package import AdminCore
internal import PlaneContract
internal import Postgres

extension PostgresStores {
    /// Inserts an active key with the pepper of its digest.
    ///
    /// - Returns: `nil` when the org does not exist within `access`.
    package func createKey(
        _ access: Access, id: String, _ secret: StoredSecret, _ draft: KeyDraft
    ) async throws -> KeyEntry? {
        let own: [String?] = [
            id, draft.orgID, draft.name, secret.digest, secret.display, draft.expiresAt,
            draft.allowedModels.map(PostgresArray.literal),
        ]
        let values: [String?] =
            own + LimitColumns.values(draft.limits) + [draft.outagePolicy, draft.cacheSeconds.map { String($0) }]
        return try await change(access) { connection in
            guard try Self.exists(org: draft.orgID, access, on: connection) else { return nil }
            try Self.recordPepper(of: secret, on: connection)
            return try connection.query(
                """
                insert into api_key (id, org_id, name, digest, display, expires_at, allowed_models, requests_per_minute,
                    tokens_per_minute, concurrent_requests, requests_per_day, requests_per_month, nano_usd_per_day,
                    nano_usd_per_month, outage_policy, cache_seconds)
                values ($1, $2, $3, $4, $5, $6::timestamptz, $7::text[], $8, $9, $10, $11, $12, $13, $14, $15, $16)
                returning *, overlap_ends_at(api_key)
                """, values
            ).first.map(Self.key)
        }
    }

    /// - Returns: the key with `callableModels`, `nil` when it does not exist.
    package func key(_ access: Access, _ id: String) async throws -> KeyEntry? {
        try await read(
            access,
            """
            select *, overlap_ends_at(api_key), models_of(api_key) from api_key
            where id = $1 and ($2::text is null or org_id = $2)
            """, [id, access.org]
        ).first.map { row in
            var key = Self.key(row)
            key.callableModels = row.textArray("models_of")
            return key
        }
    }

    /// At most `limit` keys with ids above `after`, by id, without `callableModels`.
    package func keys(
        _ access: Access, org: String?, after: String?, limit: Int
    ) async throws -> [KeyEntry] {
        try await read(
            access,
            """
            select *, overlap_ends_at(api_key) from api_key
            where ($1::text is null or org_id = $1) and ($2::text is null or id > $2)
                and ($4::text is null or org_id = $4)
            order by id limit $3::integer
            """, [org, after, String(limit), access.org]
        ).map(Self.key)
    }

    /// Changes what `edit` names; a trigger queues the change for publication.
    ///
    /// - Returns: the key after the change, `nil` when it does not exist.
    package func editKey(_ access: Access, _ id: String, _ edit: Edit) async throws -> KeyEntry? {
        let (setsExpiry, expiry) = Self.parts(edit.expiresAt)
        let (setsModels, models) = Self.parts(edit.allowedModels)
        let (setsPolicy, policy) = Self.parts(edit.outagePolicy)
        let own: [String?] = [
            id, edit.name, setsExpiry, expiry, setsModels, models.map(PostgresArray.literal),
            PostgresArray.literal(edit.changedLimits.sorted()),
        ]
        let (setsCache, cacheSeconds) = Self.parts(edit.cacheSeconds)
        let others: [String?] = [setsPolicy, policy, setsCache, cacheSeconds.map { String($0) }]
        let values: [String?] = own + LimitColumns.values(edit.limits) + others + [access.org]
        return try await change(access) { connection in
            try connection.query(
                """
                update api_key set name = coalesce($2, name),
                    expires_at = case when $3::boolean then $4::timestamptz else expires_at end,
                    allowed_models = case when $5::boolean then $6::text[] else allowed_models end,
                    requests_per_minute = case when 'requests_per_minute' = any($7::text[]) then $8::bigint else requests_per_minute end,
                    tokens_per_minute = case when 'tokens_per_minute' = any($7) then $9::bigint else tokens_per_minute end,
                    concurrent_requests = case when 'concurrent_requests' = any($7) then $10::bigint else concurrent_requests end,
                    requests_per_day = case when 'requests_per_day' = any($7) then $11::bigint else requests_per_day end,
                    requests_per_month = case when 'requests_per_month' = any($7) then $12::bigint else requests_per_month end,
                    nano_usd_per_day = case when 'usd_per_day' = any($7) then $13::bigint else nano_usd_per_day end,
                    nano_usd_per_month = case when 'usd_per_month' = any($7) then $14::bigint else nano_usd_per_month end,
                    outage_policy = case when $15::boolean then $16::text else outage_policy end,
                    cache_seconds = case when $17::boolean then $18::integer else cache_seconds end
                where id = $1 and ($19::text is null or org_id = $19) returning *, overlap_ends_at(api_key)
                """, values
            ).first.map(Self.key)
        }
    }

    /// Revokes a key that is not revoked yet.
    ///
    /// - Returns: the key after the change, `nil` when it does not exist.
    package func revokeKey(_ access: Access, _ id: String) async throws -> KeyEntry? {
        try await change(access) { connection in
            try connection.query(
                """
                update api_key set status = 'revoked'
                where id = $1 and status <> 'revoked' and ($2::text is null or org_id = $2)
                """, [id, access.org])
            return try connection.query(
                """
                select *, overlap_ends_at(api_key) from api_key where id = $1 and ($2::text is null or org_id = $2)
                """, [id, access.org]
            ).first.map(Self.key)
        }
    }

    /// Gives a key a new digest, and retires the earlier ones when the overlap ends.
    ///
    /// - Returns: the key after the change, `nil` when it does not exist.
    package func rotateKey(
        _ access: Access, _ id: String, _ secret: StoredSecret, overlapSeconds: Int64
    ) async throws -> KeyEntry? {
        let overlap = String(overlapSeconds)
        return try await change(access) { connection in
            // Locks the key: a concurrent rotation waits, then retires the digest made here.
            let locked = try connection.query(
                "select digest from api_key where id = $1 and ($2::text is null or org_id = $2) for update",
                [id, access.org])
            guard let retired = locked.first?.text("digest") else { return nil }
            try Self.requireFewRotations(of: id, on: connection)
            try Self.recordPepper(of: secret, on: connection)
            try connection.query(
                """
                insert into retired_digest (digest, key_id, valid_until)
                values ($1, $2, now() + make_interval(secs => $3::integer))
                """, [retired, id, overlap])
            // Secrets retired earlier must not outlive the one retired now.
            try connection.query(
                """
                update retired_digest set valid_until = now() + make_interval(secs => $2::integer)
                where key_id = $1 and valid_until > now() + make_interval(secs => $2::integer)
                """, [id, overlap])
            return try connection.query(
                "update api_key set digest = $2, display = $3 where id = $1 returning *, overlap_ends_at(api_key)",
                [id, secret.digest, secret.display]
            ).first.map(Self.key)
        }
    }

    /// - Throws: `AdminError.conflict` after `AdminService.rotationsMax` in 30 days.
    private static func requireFewRotations(of id: String, on connection: PostgresConnection) throws {
        let retired = try connection.query(
            "select count(*) from retired_digest where key_id = $1 and valid_until > now() - interval '30 days'", [id])
        guard retired[0].integer("count") < Int64(AdminService.rotationsMax) else {
            throw AdminError.conflict(
                "This key was rotated \(AdminService.rotationsMax) times in 30 days. Create another one, or wait.")
        }
    }

    /// Whether the org exists within `access`. Orgs are never deleted.
    static func exists(org id: String, _ access: Access, on connection: PostgresConnection) throws -> Bool {
        try !connection.query(
            "select id from org where id = $1 and ($2::text is null or id = $2)", [id, access.org]
        ).isEmpty
    }

    static func recordPepper(of secret: StoredSecret, on connection: PostgresConnection) throws {
        try connection.query(
            "insert into key_pepper (digest, pepper) values ($1, $2)", [secret.digest, secret.pepper])
    }

    private static func parts<Value>(_ change: Change<Value>) -> (String, Value?) {
        switch change {
        case .unchanged: ("false", nil)
        case .set(let value): ("true", value)
        }
    }

    private static func key(_ row: PostgresRow) -> KeyEntry {
        KeyEntry(
            id: row.text("id"), orgID: row.text("org_id"), name: row.text("name"), display: row.text("display"),
            status: row.text("status"), expiresAt: row["expires_at"], allowedModels: row.textArray("allowed_models"),
            limits: LimitColumns.limits(of: row), version: row.integer("version"), createdAt: row.text("created_at"),
            revokedAt: row["revoked_at"], outagePolicy: row["outage_policy"], overlapEndsAt: row["overlap_ends_at"],
            cacheSeconds: row.optionalInteger("cache_seconds"))
    }
}
