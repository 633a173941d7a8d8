package import GatewayModel
package import PlaneContract

extension RoutingTable {
    /// Whether a name exists at all, for `GET /v1/models/{id}`.
    package func notFound(_ name: String, key: KeyRecord, atMs now: Int64) -> GatewayError {
        if key.mayCall(name), let alias = aliases[name] {
            return unserved(name, candidates: alias.candidates, atMs: now)
        }
        if key.mayCall(name), models[name] != nil {
            return unserved(name, candidates: [AliasEntry.Candidate(model: name, order: 0, weight: 1)], atMs: now)
        }
        let near = NearestNames.to(name, among: callable(by: key, atMs: now).map(\.name))
        let advice = near.isEmpty ? "" : " Did you mean \(near.map { "'\($0)'" }.joined(separator: " or "))?"
        return GatewayError(
            .modelNotFound,
            "The model '\(Self.shown(name))' does not exist or this key may not call it.\(advice)"
                + " GET /v1/models lists what it can call.", param: "model")
    }

    /// Engines answer to the name, but none can take this request.
    func unsuited(_ name: String, facts: RouteFacts, models served: [ModelEntry]) -> GatewayError {
        let shown = Self.shown(name)
        let kinds = Set(served.map(\.kind))
        guard kinds.contains(facts.operation.modelKind) else {
            let others = snapshot.models.filter { $0.kind == facts.operation.modelKind && targets[$0.name] != nil }
            let advice = others.isEmpty ? "none is configured" : "such as '\(others[0].name)'"
            return GatewayError(
                .invalidRequest,
                "'\(shown)' is a model for \(kinds.sorted().joined(separator: ", ")); this endpoint takes one for"
                    + " \(facts.operation.modelKind) (\(advice)).", param: "model")
        }
        // Said of what none of them takes; what one lacks another may have.
        let unbounded = served.map { facts.hasImages && !$0.vision ? .image : facts.unbounded(on: $0) }
        if let kind = MediaKind.allCases.first(where: { kind in unbounded.contains { $0 == kind } }),
            unbounded.allSatisfy({ $0 != nil }), kind != .image || served.contains(where: \.vision)
        {
            return withoutBound(name, kind, at: facts.media[kind] ?? "messages")
        }
        if facts.hasTools, !facts.hasImages, !facts.hasTokenIDs {
            return GatewayError(
                .invalidRequest,
                "No engine behind '\(shown)' calls tools. Send no tools, or call a model that does"
                    + " (GET /v1/models lists what is configured).", param: "tools")
        }
        if facts.hasTokenIDs {
            return GatewayError(
                .invalidRequest,
                "Token ids mean something else to '\(shown)' than to the tokenizer they come from: send text"
                    + " (in LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False)).", param: "input")
        }
        return GatewayError(
            .invalidRequest,
            "No engine behind '\(shown)' sees images. Send text only, or call a model that has vision"
                + " (GET /v1/models lists what is configured).", param: "messages")
    }

    private func withoutBound(_ name: String, _ kind: MediaKind, at place: String) -> GatewayError {
        let (what, instead) =
            switch kind {
            case .image: ("an image", "Send text only")
            case .document: ("a file", "Send its text, or its pages as images")
            case .audio: ("audio", "Send a transcript")
            case .video: ("video", "Send single pictures of it, as image_url parts")
            }
        return GatewayError(
            .invalidRequest,
            "\(place) is \(what), and it is not known what one can cost at most on '\(Self.shown(name))'. \(instead), or call"
                + " another model (GET /v1/models lists what is configured).", param: place)
    }

    func withoutEndpoint(_ name: String, _ operation: Operation) -> GatewayError {
        GatewayError(
            .invalidRequest,
            "The engines behind '\(Self.shown(name))' have no \(operation.path); call another model.", param: "model")
    }

    func unserved(_ name: String, candidates: [AliasEntry.Candidate], atMs now: Int64) -> GatewayError {
        let vendors = Set(candidates.compactMap { models[$0.model]?.vendor }).sorted()
        if candidates.contains(where: { serves($0.model, atMs: now) }) {
            return GatewayError(
                .modelNotFound,
                "'\(name)' has engines, but none that is what it asks for: vision, tools, context window or price limit.",
                param: "model")
        }
        if candidates.contains(where: { targets[$0.model]?.isEmpty == false }) {
            return GatewayError(
                .modelUnpriced,
                "'\(name)' has an engine, but no price in force is known for it: nothing is answered that cannot be"
                    + " charged. Its operator loads a price (of 0 where it is free).", param: "model")
        }
        return GatewayError(
            .modelNotFound,
            "'\(name)' is in the catalogue, but no engine is configured for it; \(Self.advice(vendors)).",
            param: "model")
    }

    /// The vendors that `deploy/run` wires when their key is in its environment.
    private static let wired: Set<String> = [
        "alibaba", "anthropic", "deepseek", "google", "groq", "mistral", "openai", "together", "xai",
    ]

    private static func advice(_ vendors: [String]) -> String {
        guard !vendors.isEmpty else { return "give it a candidate model" }
        let load = "load a provider, a credential and a deployment for \(vendors.joined(separator: " or "))"
        let keys = vendors.filter(wired.contains).map { "\($0.uppercased())_API_KEY" }
        return keys.isEmpty ? load : "set \(keys.joined(separator: " or ")) and start deploy/run again, or \(load)"
    }

    private static func shown(_ name: String) -> String { name.cut(toBytes: 64) }
}
