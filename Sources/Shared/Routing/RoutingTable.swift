package import GatewayModel
package import PlaneContract

/// A snapshot prepared for look-ups: immutable, shared by all requests of a worker, and replaced as a whole.
package final class RoutingTable: Sendable {
    package let snapshot: GatewaySnapshot
    let models: [String: ModelEntry]
    let aliases: [String: AliasEntry]
    let targets: [String: [RouteTarget]]
    /// From a family's base name to a model of the catalogue.
    private let familyNames: [String: String]
    private let nearestNames: NearestNames
    /// Aliases first, in catalogue order, then models by name.
    let names: [String]

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
            // A newer release may name a dialect that this worker does not know.
            guard deployment.credential == nil || credential != nil,
                let dialect = DialectName(rawValue: provider.dialect)
            else {
                continue
            }
            targets[model.name, default: []].append(
                RouteTarget(
                    deployment: deployment, model: model, provider: provider, credential: credential, dialect: dialect))
        }
        self.targets = targets
        familyNames = Dictionary(snapshot.models.map { (ModelFamily.base(of: $0.name), $0.name) }) { first, _ in first }
        names = snapshot.aliases.map(\.name) + snapshot.models.map(\.name).sorted()
        nearestNames = NearestNames(Set(aliases.keys).union(models.keys))
    }

    package var version: Int64 { snapshot.version }

    package var allTargets: [RouteTarget] { targets.values.flatMap { $0 } }

    /// The table before any snapshot has arrived.
    package static let empty = RoutingTable(
        GatewaySnapshot(version: 0, providers: [], credentials: [], models: [], deployments: [], aliases: []),
        openCredential: { _ in nil })

    /// The list of `GET /v1/models`: aliases, then models by name.
    ///
    /// It has only names that the key may call and a deployment serves.
    package func callable(by key: KeyRecord, atMs now: Int64) -> [(name: String, created: Int64)] {
        let named = snapshot.aliases.filter { serves($0, atMs: now) }.map { ($0.name, Int64(0)) }
        let direct = snapshot.models.filter { serves($0.name, atMs: now) && aliases[$0.name] == nil }
            .sorted { $0.name < $1.name }.map { ($0.name, $0.created) }
        return (named + direct).filter { key.mayCall($0.0) }.map { (name: $0.0, created: $0.1) }
    }

    /// The price of a different catalogue model that a provider reports to have used.
    ///
    /// Matched by name or by family (`ModelFamily`); `nil` when the catalogue has no such model.
    package func price(ofOther reported: String, than declared: ModelEntry, atMs now: Int64) -> Price? {
        let name = models[reported] == nil ? familyNames[ModelFamily.base(of: reported)] : reported
        guard let name, name != declared.name else { return nil }
        return models[name]?.price(atMs: now)
    }

    /// The entry of `GET /v1/models/{id}` for one name; `nil` when the list does not include it.
    package func callable(_ name: String, by key: KeyRecord, atMs now: Int64) -> (name: String, created: Int64)? {
        guard key.mayCall(name) else { return nil }
        if let alias = aliases[name] { return serves(alias, atMs: now) ? (name, 0) : nil }
        guard let model = models[name], serves(name, atMs: now) else { return nil }
        return (name, model.created)
    }

    /// Names the key may call that are close to a mistyped one, nearest first.
    func suggestions(for name: String, to key: KeyRecord, atMs now: Int64) -> [String] {
        Array(
            nearestNames.suggestions(for: name).lazy.filter { self.callable($0, by: key, atMs: now) != nil }.prefix(2))
    }

    func serves(_ alias: AliasEntry, atMs now: Int64) -> Bool {
        alias.candidates.contains { CandidateSet.unserved($0.model, alias, in: self, atMs: now) == nil }
    }

    func serves(_ model: String, atMs now: Int64) -> Bool {
        targets[model]?.isEmpty == false && models[model]?.price(atMs: now) != nil
    }
}
