package import AdminCore
internal import GatewayModel
package import KeyMaterial
internal import PlaneContract
package import Postgres

/// Orgs, keys, admin keys and the admin token in PostgreSQL. Every statement is complete and takes all values as
/// parameters; those that take an `Access` name its org in a condition, with row-level security as a second lock.
package struct PostgresStores: AdminStores {
    let pool: PostgresPool
    package let usage: any UsageStores
    let sealer: Sealer?
    let catalogueFile: (@Sendable (String) throws -> CatalogueFile)?

    /// - Parameters:
    ///   - pool: connects as `gw_cp`, the role of the admin API.
    ///   - reports: the same, for questions about usage: a slow one must not keep keys from being looked up.
    ///   - exports: the same, but each with one connection and for long results only.
    ///   - sealer: seals credentials at rest; `nil` where none are stored.
    ///   - catalogueFile: reads YAML; `nil` where no files are loaded.
    package init(
        _ pool: PostgresPool, reports: PostgresPool, exports: [PostgresPool], sealer: Sealer? = nil,
        catalogueFile: (@Sendable (String) throws -> CatalogueFile)? = nil
    ) {
        self.pool = pool
        usage = UsageStore(pool: reports, exports: ExportSlots(exports))
        self.sealer = sealer
        self.catalogueFile = catalogueFile
    }

    /// Runs changes in a transaction attributed to `actor` in the audit log, and maps database errors to `AdminError`.
    ///
    /// - Parameter request: the request's body, for refusals that name its members.
    func change<T: Sendable>(
        actor: String, request: RefusedRow.Body? = nil, _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        do {
            return try await pool.run { connection in
                do {
                    return try connection.transaction {
                        try connection.query("select set_config('aihub.actor', $1, true)", [actor])
                        try Self.requireValid(actor, on: connection)
                        return try body(connection)
                    }
                } catch let error as PostgresError {
                    guard let request else { throw error }
                    throw RefusedRow.adminError(error, on: connection, request)
                }
            }
        } catch let error as PostgresError {
            throw Self.adminError(error)
        }
    }

    /// Asks once more whether the admin key that acts is valid: its request's body may have taken its time to arrive,
    /// and the key may have been revoked meanwhile.
    ///
    /// - Throws: `AdminError.unauthorized`.
    private static func requireValid(_ actor: String, on connection: PostgresConnection) throws {
        guard actor.hasPrefix(AdminKeyEntry.idPrefix) else { return }
        let valid = try connection.query(
            """
            select id from admin_key
            where id = $1 and revoked_at is null and (expires_at is null or expires_at > now())
            """, [actor])
        guard !valid.isEmpty else { throw AdminError.unauthorized }
    }

    func read(_ sql: String, _ values: [String?]) async throws -> [PostgresRow] {
        do {
            return try await pool.query(sql, values)
        } catch let error as PostgresError {
            throw Self.adminError(error)
        }
    }

    /// Runs changes in a transaction that is attributed to the caller and confined to the caller's org.
    func change<T: Sendable>(
        _ access: Access, _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        guard let org = access.org else { return try await change(actor: access.actor, body) }
        return try await change(actor: access.actor) { connection in
            // The second lock (migration 0086). Both end with the transaction.
            try connection.query("select set_config('role', 'gw_org', true), set_config('aihub.org', $1, true)", [org])
            return try body(connection)
        }
    }

    /// Runs one statement, confined to the caller's org.
    func read(_ access: Access, _ sql: String, _ values: [String?]) async throws -> [PostgresRow] {
        guard access.org != nil else { return try await read(sql, values) }
        return try await change(access) { try $0.query(sql, values) }
    }

    static func adminError(_ error: PostgresError) -> any Error {
        switch error {
        case .unreachable, .overloaded: AdminError.unavailable
        case .refused(let state, let message, let hint):
            switch state {
            case "23505": AdminError.conflict("Already exists: \(message)")
            // Cancelled by the statement's timeout, or in the way of another transaction: the same may succeed later.
            case "57014", "40001", "40P01", "55P03": AdminError.unavailable
            case "23503": AdminError.invalid("A referenced object does not exist: \(message)", param: nil)
            case _ where state.hasPrefix("22") || state.hasPrefix("23") || state == "P0001":
                AdminError.invalid(message + (hint.map { " " + $0 } ?? ""), param: nil)
            default: error
            }
        }
    }

    /// The SHA-256 of the admin token in hex; `nil` before the first start.
    package func adminTokenDigest() async throws -> String? {
        try await read("select digest from admin_token", []).first?.text("digest")
    }

    /// - Returns: false when there is a token and `replacing` is false.
    package func setAdminTokenDigest(_ digest: String, replacing: Bool) async throws -> Bool {
        let actor = replacing ? "aihub-control admin-token --reset" : "aihub-control serve"
        let otherwise =
            replacing ? "(singleton) do update set digest = excluded.digest, created_at = now()" : "do nothing"
        return try await change(actor: actor) { connection in
            try !connection.query(
                "insert into admin_token (digest) values ($1) on conflict \(otherwise) returning digest", [digest]
            ).isEmpty
        }
    }
}
