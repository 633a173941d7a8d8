internal import GatewayModel
package import KeyMaterial
internal import PlaneContract
package import Postgres

/// Loads a `CatalogueFile` into the database, in one transaction.
///
/// Rows that already match are not touched, so loading a file twice changes, audits and publishes nothing.
package struct CatalogueLoader {
    package enum LoadError: Error, CustomStringConvertible {
        case badPrice(model: String, text: String)
        case emptyChange(model: String, text: String)
        case badInstant(model: String, text: String)
        case missingCredential(variable: String)

        package var description: String {
            switch self {
            case .badPrice(let model, let text):
                "model \(model): '\(text)' is not a price: write decimal USD with at most nine decimals, in quotes"
            case .emptyChange(let model, let text):
                "model \(model): the price change from \(text) sets neither usd_per_million_tokens nor usd_per_image"
            case .badInstant(let model, let text):
                "model \(model): effective_from '\(text)' must look like 2027-01-01 or 2027-01-01T12:00:00Z"
            case .missingCredential(let variable): "the environment variable \(variable) is not set"
            }
        }
    }

    let connection: PostgresConnection
    private let sealer: Sealer
    private let environment: [String: String]

    /// - Parameters:
    ///   - connection: as `gw_cp`.
    ///   - sealer: seals credentials at rest.
    ///   - environment: where `credential_from_environment` is looked up.
    package init(_ connection: PostgresConnection, sealer: Sealer, environment: [String: String]) {
        self.connection = connection
        self.sealer = sealer
        self.environment = environment
    }

    /// Loads all of the file, or nothing.
    ///
    /// - Parameter actor: who the audit log says has changed the rows.
    /// - Throws: `LoadError` when the file is at fault, `PostgresError` when the database refuses it.
    package func load(_ file: CatalogueFile, actor: String) throws {
        try connection.transaction {
            try connection.query("select set_config('aihub.actor', $1, true)", [actor])
            try apply(file)
        }
    }

    /// Loads the file in the transaction that is open.
    func apply(_ file: CatalogueFile) throws {
        for provider in file.providers ?? [] { try load(provider) }
        for model in file.models ?? [] { try load(model) }
        for deployment in file.deployments ?? [] { try load(deployment, in: file) }
        for (position, alias) in (file.aliases ?? []).enumerated() { try load(alias, position: position) }
    }

    private func load(_ provider: CatalogueFile.ProviderSection) throws {
        try connection.query(
            """
            insert into provider (id, base_url, allowed_networks, dialect, api_version, enabled)
            values ($1, $2, $3::cidr[], $4, $5, coalesce($6::boolean, true))
            on conflict (id) do update set base_url = excluded.base_url, allowed_networks = excluded.allowed_networks,
                dialect = excluded.dialect, api_version = excluded.api_version,
                enabled = coalesce($6::boolean, provider.enabled)
            where (provider.base_url, provider.allowed_networks, provider.dialect, provider.api_version, provider.enabled)
                is distinct from (excluded.base_url, excluded.allowed_networks, excluded.dialect, excluded.api_version,
                coalesce($6::boolean, provider.enabled))
            """,
            [
                provider.id, provider.base_url, PostgresArray.literal(provider.allowed_networks ?? []),
                provider.dialect ?? "openai", provider.api_version, provider.enabled.map { String($0) },
            ])
        guard let variable = provider.credential_from_environment else { return }
        guard let secret = environment[variable], !secret.isEmpty else {
            throw LoadError.missingCredential(variable: variable)
        }
        try load(Secret(secret), of: provider.id)
    }

    private func load(_ secret: Secret, of provider: String) throws {
        let stored = try connection.query("select sealed from credential where id = $1", [provider]).first
        let context = CredentialEntry.sealContext(provider)
        if let stored, let old = try? sealer.open(stored.text("sealed"), context: context), old == secret { return }
        try connection.query(
            """
            insert into credential (id, provider_id, sealed) values ($1, $1, $2)
            on conflict (id) do update set sealed = excluded.sealed
            """, [provider, sealer.seal(secret, context: context)])
    }

    private func load(_ alias: CatalogueFile.AliasSection, position: Int) throws {
        let priceMax = try alias.max_usd_per_million_tokens.map { text in
            guard let amount = NanoUSD(decimalUSD: text) else {
                throw LoadError.badPrice(model: alias.name, text: text)
            }
            return String(amount.nano)
        }
        let weights = alias.objective.map { [$0.latency, $0.speed, $0.cost, $0.uptime] } ?? [nil, nil, nil, nil]
        try connection.query(
            """
            insert into alias (name, position, needs_vision, cache_seconds, needs_tools, context_window_min, price_max,
                latency_weight, speed_weight, cost_weight, uptime_weight, enabled)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12::boolean, true))
            on conflict (name) do update set position = excluded.position, needs_vision = excluded.needs_vision,
                cache_seconds = coalesce(excluded.cache_seconds, alias.cache_seconds),
                needs_tools = excluded.needs_tools, context_window_min = excluded.context_window_min,
                price_max = excluded.price_max, latency_weight = excluded.latency_weight,
                speed_weight = excluded.speed_weight, cost_weight = excluded.cost_weight,
                uptime_weight = excluded.uptime_weight, enabled = coalesce($12::boolean, alias.enabled)
            where (alias.position, alias.needs_vision, alias.cache_seconds, alias.needs_tools,
                alias.context_window_min, alias.price_max, alias.latency_weight, alias.speed_weight,
                alias.cost_weight, alias.uptime_weight, alias.enabled)
                is distinct from (excluded.position, excluded.needs_vision,
                coalesce(excluded.cache_seconds, alias.cache_seconds), excluded.needs_tools,
                excluded.context_window_min, excluded.price_max, excluded.latency_weight, excluded.speed_weight,
                excluded.cost_weight, excluded.uptime_weight, coalesce($12::boolean, alias.enabled))
            """,
            [
                alias.name, String(alias.position ?? position), String(alias.needs_vision ?? false),
                alias.cache_seconds.map { String($0) }, String(alias.needs_tools ?? false),
                alias.context_window_min.map { String($0) }, priceMax,
            ] + weights.map { String($0 ?? 0) } + [alias.enabled.map { String($0) }])
        for (place, candidate) in alias.candidates.enumerated() {
            try connection.query(
                """
                insert into alias_candidate (alias, model, rank, weight) values ($1, $2, $3, $4)
                on conflict (alias, model) do update set rank = excluded.rank, weight = excluded.weight
                where (alias_candidate.rank, alias_candidate.weight) is distinct from (excluded.rank, excluded.weight)
                """,
                [
                    alias.name, candidate.model, String(candidate.rank ?? (alias.objective == nil ? place : 0)),
                    String(candidate.weight ?? 1),
                ])
        }
        try connection.query(
            "delete from alias_candidate where alias = $1 and model <> all($2::text[])",
            [alias.name, PostgresArray.literal(alias.candidates.map(\.model))])
    }
}
