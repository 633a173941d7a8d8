internal import GatewayModel
internal import PlaneContract

/// A text that identifies what serves a name: it changes whenever the name could yield different responses.
package struct NameDefinition: Sendable, Equatable {
    package var text: [UInt8]
    /// How long responses to this name are cached, in seconds: 0 for never, `nil` for the worker's default. An alias
    /// has a setting of its own; those of its models do not count.
    package var cacheSeconds: Int64?
}

extension RoutingTable {
    /// The definition of an alias or a model: its candidates, and which models at which providers stand behind them.
    ///
    /// Prices, credentials, deadlines and the order of deployments are not part of it, nor is anything of another name.
    package func definition(of name: String) -> NameDefinition {
        var words: [String] = []
        var models = [name]
        let alias = snapshot.aliases.first { $0.name == name }
        if let alias {
            words += ["alias", name, "\(alias.needsVision)", "\(alias.needsTools ?? false)"]
            words += ["\(alias.contextWindowMin ?? 0)", "\(alias.priceMax ?? .max)"]
            models = alias.candidates.map(\.model)
            for candidate in alias.candidates { words += ["\(candidate.order)", "\(candidate.weight)"] }
        }
        let entries = models.compactMap { name in snapshot.models.first { $0.name == name } }
        for model in entries { words += self.words(of: model) }
        let text = words.map(JSONText.quoted).joined(separator: ",")
        return NameDefinition(
            text: Array(text.utf8), cacheSeconds: alias == nil ? entries.first?.cacheSeconds : alias?.cacheSeconds)
    }

    private func words(of model: ModelEntry) -> [String] {
        let deployments = snapshot.deployments.filter { $0.model == model.name }.compactMap { deployment -> String? in
            guard let provider = snapshot.providers.first(where: { $0.id == deployment.provider }) else { return nil }
            return [provider.dialect, provider.baseURL, deployment.upstreamModel].map(JSONText.quoted)
                .joined(separator: " ")
        }
        return ["model", model.name, model.kind, "\(model.maxOutputTokens)", "\(model.wantsMaxCompletionTokens)"]
            + Set(deployments).sorted()
    }
}
