package import GatewayModel
package import PlaneContract

/// Builds the errors for names and requests that cannot be served.
///
/// The message is for clients, who cannot configure or look up anything here; what an operator can do goes to the log,
/// as `detail`.
extension RoutingTable {
    /// The most names an error lists; `GET /v1/models` lists all.
    private static let namesListed = 12

    /// The error for a name that does not exist, that the key may not call, or that nothing serves.
    ///
    /// A client that may not call a name does not learn from it whether that name exists.
    package func notFound(_ name: String, key: KeyRecord, atMs now: Int64) -> GatewayError {
        if key.mayCall(name), let alias = aliases[name] {
            return unserved(name, candidates: alias.candidates, for: key, atMs: now)
        }
        if key.mayCall(name), models[name] != nil {
            let candidates = [AliasEntry.Candidate(model: name, order: 0, weight: 1)]
            return unserved(name, candidates: candidates, for: key, atMs: now)
        }
        return notOffered(name, to: key, atMs: now, detail: "")
    }

    private func notOffered(_ name: String, to key: KeyRecord, atMs now: Int64, detail: String) -> GatewayError {
        let near = suggestions(for: name, to: key, atMs: now)
        let advice = near.isEmpty ? "" : " Did you mean \(near.map { "'\($0)'" }.joined(separator: " or "))?"
        return GatewayError(
            .modelNotFound,
            "This installation does not offer \(Self.shown(name)).\(advice) \(offer(to: key, atMs: now))",
            detail: detail,
            param: "model")
    }

    /// The names the key may call instead, at most `namesListed` of them.
    private func offer(to key: KeyRecord, atMs now: Int64) -> String {
        let names = key.allowedModels ?? names
        var listed: [String] = []
        for name in names where listed.count <= Self.namesListed && isServed(name, atMs: now) {
            if !listed.contains(name) { listed.append(name) }
        }
        guard !listed.isEmpty else { return "No model is available to this key yet (GET /v1/models)." }
        let more = listed.count > Self.namesListed ? " and more" : ""
        let shown = listed.prefix(Self.namesListed).joined(separator: ", ")
        return "It offers: \(shown)\(more) (GET /v1/models lists all)."
    }

    private func isServed(_ name: String, atMs now: Int64) -> Bool {
        aliases[name].map { serves($0, atMs: now) } ?? serves(name, atMs: now)
    }

    /// The error when the name is served, but nothing behind it can take this request.
    func unsuited(_ name: String, facts: RouteFacts, models served: [ModelEntry]) -> GatewayError {
        let shown = Self.shown(name)
        let kinds = Set(served.map(\.kind))
        guard kinds.contains(facts.operation.modelKind) else {
            let other = snapshot.models.first { $0.kind == facts.operation.modelKind && targets[$0.name] != nil }
            let advice = other.map { "such as \($0.name)" } ?? "of which this installation offers none"
            return GatewayError(
                .invalidRequest,
                "\(shown) is a model for \(kinds.sorted().joined(separator: ", ")). This endpoint needs one for"
                    + " \(facts.operation.modelKind), \(advice).", param: "model")
        }
        // Reported only if every model lacks a bound; one that lacks it may stand beside one that has it.
        let unbounded = served.map { facts.hasImages && !$0.vision ? .image : facts.unbounded(on: $0) }
        if let kind = MediaKind.allCases.first(where: { kind in unbounded.contains { $0 == kind } }),
            unbounded.allSatisfy({ $0 != nil }), kind != .image || served.contains(where: \.vision)
        {
            return withoutBound(name, kind, at: facts.media[kind] ?? "messages")
        }
        if facts.hasTools, !facts.hasImages, !facts.hasTokenIDs {
            return GatewayError(
                .invalidRequest,
                "\(shown) cannot call tools. Leave the tools out, or use a model that calls them"
                    + " (GET /v1/models lists the models).", param: "tools")
        }
        if facts.hasTokenIDs {
            return GatewayError(
                .invalidRequest,
                "\(shown) accepts text, not token IDs, which differ from model to model. Send the text"
                    + " (in LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False)).", param: "input")
        }
        return GatewayError(
            .invalidRequest,
            "\(shown) cannot read images. Send text only, or use a model that reads them"
                + " (GET /v1/models lists the models).", param: "messages")
    }

    private func withoutBound(_ name: String, _ kind: MediaKind, at path: String) -> GatewayError {
        let (what, instead) =
            switch kind {
            case .image: ("an image", "Send text only")
            case .document: ("a file", "Send its text, or its pages as images")
            case .audio: ("audio", "Send a transcript")
            case .video: ("video", "Send single pictures of it, as image_url parts")
            }
        return GatewayError(
            .invalidRequest,
            "\(path) is \(what), and \(Self.shown(name)) does not accept it here because its cost has no known upper bound."
                + " \(instead), or use another model (GET /v1/models lists the models).", param: path)
    }

    func withoutEndpoint(_ name: String, _ operation: Operation) -> GatewayError {
        GatewayError(
            .invalidRequest, "\(Self.shown(name)) is not available at /v1\(operation.path). Use another model.",
            param: "model")
    }

    /// The error when the key may call the name, but nothing behind it is in service.
    func unserved(
        _ name: String, candidates: [AliasEntry.Candidate], for key: KeyRecord, atMs now: Int64
    ) -> GatewayError {
        if candidates.contains(where: { serves($0.model, atMs: now) }) {
            return notOffered(
                name, to: key, atMs: now,
                detail:
                    "\(name) has deployments, but none with the vision, tools, context window or price limit it asks for"
            )
        }
        if candidates.contains(where: { targets[$0.model]?.isEmpty == false }) {
            return GatewayError(
                .modelUnpriced,
                "\(Self.shown(name)) cannot be used yet: this installation has no price for it. \(offer(to: key, atMs: now))",
                detail: "\(name) has a deployment, but no price in force: load one (0 if it is free)",
                param: "model")
        }
        let vendors = Set(candidates.compactMap { models[$0.model]?.vendor }).sorted()
        return notOffered(
            name, to: key, atMs: now,
            detail: "\(name) is in the catalogue, but has no deployment: \(Self.advice(vendors))")
    }

    /// The vendors that `deploy/run` configures when their key is in its environment.
    private static let wired: Set<String> = [
        "alibaba", "anthropic", "deepseek", "google", "groq", "mistral", "openai", "together", "xai",
    ]

    private static func advice(_ vendors: [String]) -> String {
        guard !vendors.isEmpty else { return "give it a candidate model" }
        let load = "load a provider, a credential and a deployment for \(vendors.joined(separator: " or "))"
        let keys = vendors.filter(wired.contains).map { "\($0.uppercased())_API_KEY" }
        return keys.isEmpty ? load : "set \(keys.joined(separator: " or ")) and start deploy/run again, or \(load)"
    }

    private static func shown(_ name: String) -> String { name.truncated(toBytes: 64) }
}
