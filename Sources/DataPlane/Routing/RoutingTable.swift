package import GatewayModel
package import PlaneContract
internal import Translation

/// A snapshot made ready for look-ups: immutable, shared by all requests of a worker, swapped whole.
package final class RoutingTable: Sendable {
    package let snapshot: GatewaySnapshot
    private let models: [String: ModelEntry]
    private let aliases: [String: AliasEntry]
    private let targets: [String: [RouteTarget]]

    /// - Parameter openCredential: unseals a credential; `nil` leaves its deployments out of service.
    package init(_ snapshot: GatewaySnapshot, openCredential: (CredentialEntry) -> Secret?) {
        self.snapshot = snapshot
        models = Dictionary(snapshot.models.map { ($0.name, $0) }) { first, _ in first }
        aliases = Dictionary(snapshot.aliases.map { ($0.name, $0) }) { first, _ in first }
        let providers = Dictionary(snapshot.providers.map { ($0.id, $0) }) { first, _ in first }
        let credentials = Dictionary(
            snapshot.credentials.compactMap { entry in openCredential(entry).map { (entry.id, $0) } }
        ) { first, _ in first }
        var targets: [String: [RouteTarget]] = [:]
        for deployment in snapshot.deployments {
            guard let model = models[deployment.model], let provider = providers[deployment.provider] else { continue }
            let credential = deployment.credential.flatMap { credentials[$0] }
            // A dialect of a newer release is none this worker speaks.
            guard deployment.credential == nil || credential != nil, let dialect = Dialect.named(provider.dialect)
            else {
                continue
            }
            targets[model.name, default: []].append(
                RouteTarget(
                    deployment: deployment, model: model, provider: provider, credential: credential, dialect: dialect))
        }
        self.targets = targets
    }

    package var version: Int64 { snapshot.version }

    /// The table before any snapshot has arrived.
    package static let empty = RoutingTable(
        GatewaySnapshot(version: 0, providers: [], credentials: [], models: [], deployments: [], aliases: []),
        openCredential: { _ in nil })

    /// What `GET /v1/models` shows: aliases first, then models by name; only what this key may call and an engine serves.
    package func callable(by key: KeyRecord, atMs now: Int64) -> [(name: String, created: Int64)] {
        let named = snapshot.aliases.filter { alias in
            alias.candidates.contains {
                serves($0.model, atMs: now) && (!alias.needsVision || models[$0.model]?.vision == true)
            }
        }.map { ($0.name, Int64(0)) }
        let direct = snapshot.models.filter { serves($0.name, atMs: now) && aliases[$0.name] == nil }
            .sorted { $0.name < $1.name }.map { ($0.name, $0.created) }
        return (named + direct).filter { key.mayCall($0.0) }.map { (name: $0.0, created: $0.1) }
    }

    private func serves(_ model: String, atMs now: Int64) -> Bool {
        targets[model]?.isEmpty == false && models[model]?.price(atMs: now) != nil
    }
}

extension RoutingTable {
    /// Decides where a request goes. A pure function of its arguments.
    ///
    /// - Parameters:
    ///   - isResting: whether a deployment should be tried last, because it just failed.
    ///   - random: breaks ties by weight.
    /// - Throws: 404 for a name nobody serves or the key may not call (one text for both) or that has no price, 400 for a
    ///   request no engine behind the name can take.
    package func plan(
        for name: String, facts: RouteFacts, key: KeyRecord, atMs now: Int64, isResting: (String) -> Bool,
        random: inout some RandomNumberGenerator
    ) throws(GatewayError) -> RoutePlan {
        guard key.mayCall(name), aliases[name] != nil || models[name] != nil else {
            throw notFound(name, key: key, atMs: now)
        }
        // Most names lead to one deployment: nothing to weigh, nothing to allocate.
        if aliases[name] == nil, let targets = targets[name], targets.count == 1, serves(name, atMs: now),
            facts.suit(targets[0].model), targets[0].serves(facts.operation)
        {
            return RoutePlan(requested: name, targets: targets)
        }
        let candidates = aliases[name]?.candidates ?? [AliasEntry.Candidate(model: name, order: 0, weight: 1)]
        let needsVision = aliases[name]?.needsVision ?? false
        let served = candidates.filter { serves($0.model, atMs: now) }.filter {
            !needsVision || models[$0.model]?.vision == true
        }
        guard !served.isEmpty else { throw unserved(name, candidates: candidates, atMs: now) }
        let able = served.filter { models[$0.model].map(facts.suit) ?? false }
        guard !able.isEmpty else {
            throw unsuited(name, facts: facts, kinds: Set(served.compactMap { models[$0.model]?.kind }))
        }
        var ordered: [RouteTarget] = []
        for candidate in Self.shuffled(able, order: \.order, weight: \.weight, &random) {
            ordered += Self.shuffled(
                (targets[candidate.model] ?? []).filter { $0.serves(facts.operation) }, order: \.deployment.order,
                weight: \.deployment.weight, &random)
        }
        guard !ordered.isEmpty else { throw Self.withoutEndpoint(name, facts.operation) }
        let rested = ordered.filter { !isResting($0.deployment.id) } + ordered.filter { isResting($0.deployment.id) }
        return RoutePlan(requested: name, targets: Array(rested.prefix(RoutePlan.attemptsMax)))
    }

    /// More than this counts as this: a sum of absurd weights must not overflow.
    private static let weightMax = 1_000_000

    /// Sorts by order; within one order draws by weight without putting back.
    private static func shuffled<T>(
        _ items: [T], order: KeyPath<T, Int>, weight: KeyPath<T, Int>, _ random: inout some RandomNumberGenerator
    ) -> [T] {
        guard items.count > 1 else { return items }
        var out: [T] = []
        for rank in Set(items.map { $0[keyPath: order] }).sorted() {
            var rest = items.filter { $0[keyPath: order] == rank }
            func share(_ item: T) -> Int { min(max(0, item[keyPath: weight]), weightMax) }
            while rest.count > 1 {
                var ticket = Int.random(in: 0..<max(1, rest.reduce(0) { $0 + share($1) }), using: &random)
                var at = 0
                while at < rest.count - 1, ticket >= share(rest[at]) {
                    ticket -= share(rest[at])
                    at += 1
                }
                out.append(rest.remove(at: at))
            }
            out += rest
        }
        return out
    }
}

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
    private func unsuited(_ name: String, facts: RouteFacts, kinds: Set<String>) -> GatewayError {
        let shown = Self.shown(name)
        guard kinds.contains(facts.operation.modelKind) else {
            let others = snapshot.models.filter { $0.kind == facts.operation.modelKind && targets[$0.name] != nil }
            let advice = others.isEmpty ? "none is configured" : "such as '\(others[0].name)'"
            return GatewayError(
                .invalidRequest,
                "'\(shown)' is a model for \(kinds.sorted().joined(separator: ", ")); this endpoint takes one for"
                    + " \(facts.operation.modelKind) (\(advice)).", param: "model")
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

    private static func withoutEndpoint(_ name: String, _ operation: Operation) -> GatewayError {
        GatewayError(
            .invalidRequest, "The engines behind '\(shown(name))' have no \(operation.path); call another model.",
            param: "model")
    }

    private func unserved(_ name: String, candidates: [AliasEntry.Candidate], atMs now: Int64) -> GatewayError {
        let vendors = Set(candidates.compactMap { models[$0.model]?.vendor }).sorted()
        let hasUnpriced = candidates.contains {
            targets[$0.model]?.isEmpty == false && models[$0.model]?.price(atMs: now) == nil
        }
        if hasUnpriced {
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

    private static func shown(_ name: String) -> String { String(name.prefix(64)) }
}
