package import AdminCore
internal import Foundation
internal import GatewayModel
internal import KeyMaterial
internal import Postgres

extension PostgresStores {
    /// At most `limit` entries with an id above `after`, by id, that fit the filter.
    package func entries(
        of resource: CatalogueResource, _ filter: CatalogueFilter, after: String?, limit: Int
    ) async throws -> [CatalogueEntry] {
        let key = resource.key
        return try await read(
            """
            \(Self.selection(resource)) where ($1::text is null or t.\(key) > $1) and to_jsonb(t) @> $2::jsonb
                and ($3::text is null or position(lower($3) in lower(t.\(key))) > 0)
            order by t.\(key) limit $4::integer
            """, [after, try Self.json(filter.columns), filter.text, String(limit)]
        ).map { try Self.entry($0, of: resource) }
    }

    /// - Returns: `nil` when it does not exist.
    package func entry(of resource: CatalogueResource, _ id: String) async throws -> CatalogueEntry? {
        try await read("\(Self.selection(resource)) where t.\(resource.key) = $1", [id]).first.map {
            try Self.entry($0, of: resource)
        }
    }

    /// Inserts an entry; columns that are not named get their defaults.
    package func createEntry(
        of resource: CatalogueResource, _ columns: [String: CatalogueValue], actor: String
    ) async throws -> CatalogueEntry {
        let id = columns[resource.key]?.text ?? ""
        let created = try await change(actor: actor, request: Self.request(columns, of: resource)) { connection in
            let row = try row(columns, id, on: connection)
            let names = Self.names(row, of: resource)
            try connection.query(
                """
                insert into \(resource.rawValue) (\(names))
                select \(names) from jsonb_populate_record(null::\(resource.rawValue), $1::jsonb)
                """, [try Self.json(row)])
            try Self.replaceCandidates(columns, of: id, on: connection)
            return try Self.stored(resource, id, on: connection)
        }
        guard let created else { throw AdminError.unavailable }
        return created
    }

    /// Changes the columns that are named.
    ///
    /// - Parameter versions: those that the entry may have; `nil` for any.
    /// - Returns: the entry after the change, `nil` when it does not exist.
    package func editEntry(
        of resource: CatalogueResource, _ id: String, _ columns: [String: CatalogueValue], versions: Set<Int64>?,
        actor: String
    ) async throws -> CatalogueEntry? {
        try await change(actor: actor, request: Self.request(columns, of: resource)) { connection in
            let table = resource.rawValue
            // Locks the row: a concurrent edit waits, and then finds another version.
            let found = try connection.query(
                "select version from \(table) where \(resource.key) = $1 for update", [id]
            ).first
            guard let version = found?.integer("version") else { return nil }
            if let versions, !versions.contains(version) {
                throw AdminError.versionMismatch("The \(table) '\(id)'")
            }
            let row = try row(columns, id, on: connection)
            // Also an edit of candidates alone changes their alias.
            let names = row.isEmpty ? "version" : Self.names(row, of: resource)
            try connection.query(
                """
                update \(table) set (\(names)) = (select \(names) from jsonb_populate_record(\(table), $2::jsonb))
                where \(resource.key) = $1
                """, [id, try Self.json(row)])
            try Self.replaceCandidates(columns, of: id, on: connection)
            return try Self.stored(resource, id, on: connection)
        }
    }

    private static func request(
        _ columns: [String: CatalogueValue], of resource: CatalogueResource
    ) -> RefusedRow.Body {
        RefusedRow.Body(columns: Set(columns.keys)) { table, column in
            table == "alias_candidate" ? "candidates" : resource.param(ofColumn: column)
        }
    }

    /// The columns of the table itself, with a secret sealed.
    private func row(
        _ columns: [String: CatalogueValue], _ id: String, on connection: PostgresConnection
    ) throws -> [String: CatalogueValue] {
        var row = columns
        row["candidates"] = nil
        guard let secret = row.removeValue(forKey: "secret")?.text else { return row }
        guard let sealer else { throw AdminError.unavailable }
        // While this lock is held, no KEK version is dropped, so what is sealed here stays readable.
        try connection.query("select pg_advisory_xact_lock_shared(\(AdvisoryLock.sealing))")
        row["sealed"] = .text(try sealer.seal(Secret(secret), context: "credential|" + id))
        return row
    }

    /// Makes the candidates of an alias those of the list, in its order unless they have ranks or it has an objective.
    private static func replaceCandidates(
        _ columns: [String: CatalogueValue], of alias: String, on connection: PostgresConnection
    ) throws {
        guard let list = columns["candidates"] else { return }
        let json = String(decoding: try JSONEncoder().encode(list), as: UTF8.self)
        try connection.query(
            """
            delete from alias_candidate
            where alias = $1 and model not in (select c ->> 'model' from jsonb_array_elements($2::jsonb) c)
            """, [alias, json])
        try connection.query(
            """
            insert into alias_candidate (alias, model, rank, weight)
            select a.name, c.value ->> 'model', coalesce((c.value ->> 'rank')::integer,
                case when a.latency_weight + a.speed_weight + a.cost_weight + a.uptime_weight > 0 then 0 else c.place - 1 end),
                coalesce((c.value ->> 'weight')::integer, 1)
            from alias a, jsonb_array_elements($2::jsonb) with ordinality c (value, place) where a.name = $1
            on conflict (alias, model) do update set rank = excluded.rank, weight = excluded.weight
            where (alias_candidate.rank, alias_candidate.weight) is distinct from (excluded.rank, excluded.weight)
            """, [alias, json])
    }

    private static func stored(
        _ resource: CatalogueResource, _ id: String, on connection: PostgresConnection
    ) throws -> CatalogueEntry? {
        try connection.query("\(selection(resource)) where t.\(resource.key) = $1", [id]).first.map {
            try entry($0, of: resource)
        }
    }

    /// Rows as JSON, which has times as RFC 3339; sealed credentials are left out.
    static func selection(_ resource: CatalogueResource) -> String {
        let candidates = """
             || jsonb_build_object('candidates', (
                select jsonb_agg(jsonb_build_object('model', c.model, 'rank', c.rank, 'weight', c.weight)
                    order by c.rank, c.model)
                from alias_candidate c where c.alias = t.name))
            """
        let parts = resource == .alias ? candidates : ""
        return "select (to_jsonb(t) - 'sealed'\(parts))::text as row from \(resource.rawValue) t"
    }

    static func entry(_ row: PostgresRow, of resource: CatalogueResource) throws -> CatalogueEntry {
        let columns = try JSONDecoder().decode([String: CatalogueValue].self, from: Data(row.text("row").utf8))
        return CatalogueEntry(
            id: columns[resource.key]?.text ?? "", version: columns["version"]?.integer ?? 0, columns: columns)
    }

    /// The columns that the resource has and the row names, as SQL. No other name gets into a statement.
    private static func names(_ row: [String: CatalogueValue], of resource: CatalogueResource) -> String {
        row.keys.filter { $0 == "sealed" || resource.param(ofColumn: $0) != nil }.sorted().map { "\"\($0)\"" }
            .joined(separator: ", ")
    }

    private static func json(_ columns: [String: CatalogueValue]) throws -> String {
        String(decoding: try JSONEncoder().encode(columns), as: UTF8.self)
    }
}
