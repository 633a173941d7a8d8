internal import PlaneContract
internal import Postgres

extension CatalogueLoader {
    func load(_ deployment: CatalogueFile.DeploymentSection, in file: CatalogueFile) throws {
        let credential =
            try deployment.credential.map { $0.isEmpty ? nil : $0 }
            ?? connection.query("select id from credential where id = $1", [deployment.provider]).first?.text("id")
        let closing = try closing(deployment, in: file)
        try connection.query(
            """
            insert into deployment (id, model, provider_id, credential_id, upstream_model, rank, weight, enabled,
                after_close, after_close_source)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            on conflict (id) do update set model = excluded.model, provider_id = excluded.provider_id,
                credential_id = excluded.credential_id, upstream_model = excluded.upstream_model, rank = excluded.rank,
                weight = excluded.weight, enabled = excluded.enabled, after_close = excluded.after_close,
                after_close_source = excluded.after_close_source
            where (deployment.model, deployment.provider_id, deployment.credential_id, deployment.upstream_model,
                deployment.rank, deployment.weight, deployment.enabled, deployment.after_close,
                deployment.after_close_source)
                is distinct from (excluded.model, excluded.provider_id, excluded.credential_id, excluded.upstream_model,
                excluded.rank, excluded.weight, excluded.enabled, excluded.after_close, excluded.after_close_source)
            """,
            [
                deployment.id, deployment.model, deployment.provider, credential,
                deployment.upstream_model ?? deployment.model, String(deployment.rank ?? 0),
                String(deployment.weight ?? 1), String(deployment.enabled ?? true), closing.rule, closing.source,
            ])
    }

    /// Billing after a close: the deployment's own value, else its provider's in this file, else the stored one.
    ///
    /// A value stored for another provider does not apply.
    private func closing(
        _ deployment: CatalogueFile.DeploymentSection, in file: CatalogueFile
    ) throws -> (rule: String, source: String?) {
        if let rule = deployment.after_close { return (rule, deployment.after_close_source) }
        if let provider = file.providers?.first(where: { $0.id == deployment.provider }),
            let rule = provider.after_close
        {
            return (rule, deployment.after_close_source ?? provider.after_close_source)
        }
        let stored = try connection.query(
            "select after_close, after_close_source from deployment where id = $1 and provider_id = $2",
            [deployment.id, deployment.provider]
        ).first
        return (stored?.text("after_close") ?? AfterClose.runsOn.rawValue, stored?["after_close_source"])
    }
}
