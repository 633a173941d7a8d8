package import AdminCore
package import PlaneContract
internal import Postgres

extension PostgresStores {
    /// Inserts an active org.
    package func createOrg(
        _ access: Access, id: String, name: String, plan: String, limits: ScopeLimits
    ) async throws -> Org {
        let rows = try await change(access) { connection in
            try connection.query(
                """
                insert into org (id, name, plan, requests_per_minute, tokens_per_minute, concurrent_requests,
                    requests_per_day, requests_per_month, nano_usd_per_day, nano_usd_per_month)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning *
                """, [id, name, plan] + LimitColumns.values(limits))
        }
        return Self.org(rows[0])
    }

    /// - Returns: `nil` when it does not exist.
    package func org(_ access: Access, _ id: String) async throws -> Org? {
        try await read(
            access, "select * from org where id = $1 and ($2::text is null or id = $2)", [id, access.org]
        ).first.map(Self.org)
    }

    /// At most `limit` orgs with ids above `after`, by id.
    package func orgs(_ access: Access, after: String?, limit: Int) async throws -> [Org] {
        try await read(
            access,
            """
            select * from org where ($1::text is null or id > $1) and ($3::text is null or id = $3)
            order by id limit $2::integer
            """, [after, String(limit), access.org]
        ).map(Self.org)
    }

    /// Changes what `edit` names; a trigger queues the change for publication.
    ///
    /// - Returns: the org after the change, `nil` when it does not exist.
    package func editOrg(_ access: Access, _ id: String, _ edit: Edit) async throws -> Org? {
        try await change(access) { connection in
            try connection.query(
                """
                update org set name = coalesce($2, name), plan = coalesce($3, plan), status = coalesce($4, status),
                    requests_per_minute = case when 'requests_per_minute' = any($5::text[]) then $6::bigint else requests_per_minute end,
                    tokens_per_minute = case when 'tokens_per_minute' = any($5) then $7::bigint else tokens_per_minute end,
                    concurrent_requests = case when 'concurrent_requests' = any($5) then $8::bigint else concurrent_requests end,
                    requests_per_day = case when 'requests_per_day' = any($5) then $9::bigint else requests_per_day end,
                    requests_per_month = case when 'requests_per_month' = any($5) then $10::bigint else requests_per_month end,
                    nano_usd_per_day = case when 'usd_per_day' = any($5) then $11::bigint else nano_usd_per_day end,
                    nano_usd_per_month = case when 'usd_per_month' = any($5) then $12::bigint else nano_usd_per_month end
                where id = $1 and ($13::text is null or id = $13) returning *
                """,
                [id, edit.name, edit.plan, edit.status, PostgresArray.literal(edit.changedLimits.sorted())]
                    + LimitColumns.values(edit.limits) + [access.org]
            ).first.map(Self.org)
        }
    }

    private static func org(_ row: PostgresRow) -> Org {
        Org(
            id: row.text("id"), name: row.text("name"), plan: row.text("plan"), status: row.text("status"),
            limits: LimitColumns.limits(of: row), version: row.integer("version"), createdAt: row.text("created_at"))
    }
}
