/// What the admin API serves of the catalogue by one set of rules, and plans: which members a body may have, and the
/// columns they stand for. What values a column takes is decided by the database alone.
package enum CatalogueResource: String, Sendable, CaseIterable {
    case provider, credential, model, deployment, alias, plan

    /// The path under `/admin/v1`.
    package var path: String { self == .alias ? "aliases" : rawValue + "s" }

    /// The member, and column, that identifies an entry.
    package var key: String {
        switch self {
        case .provider, .credential, .deployment: "id"
        case .model, .alias, .plan: "name"
        }
    }

    /// Members that a list can be filtered by.
    package var filters: [String] {
        switch self {
        case .provider: ["dialect", "enabled"]
        case .credential: ["provider"]
        case .model: ["vendor", "kind", "enabled"]
        case .deployment: ["model", "provider", "credential", "enabled"]
        case .alias: ["enabled"]
        case .plan: []
        }
    }

    /// The member of a body or an answer.
    package func member(_ name: String) -> CatalogueMember? { members.first { $0.name == name } }

    /// The path of the member that a column is, such as `org_limits.usd_per_day`.
    package func param(ofColumn column: String) -> String? {
        for member in members {
            if case .object(let parts) = member.type {
                if let part = parts.first(where: { $0.column == column }) { return member.name + "." + part.name }
            } else if member.column == column {
                return member.name
            }
        }
        return nil
    }
}

/// A member of a resource.
package struct CatalogueMember: Sendable {
    /// Its type in JSON. Null is a matter of the column, except where said.
    package indirect enum JSONType: Sendable {
        case text, integer, number, flag, texts
        /// A decimal string in the API, nano-USD in the column.
        case usd
        /// A string that is sealed, and never returned. Not null.
        case secret
        /// The candidates of an alias, in a table of their own. Not null.
        case candidates
        /// An object whose members are columns. Not null.
        case object([CatalogueMember])
    }

    package var name: String
    package var column: String
    package var type: JSONType
    /// A body that creates an entry has it.
    package var isRequired = false
    /// It is set when the entry is created and stays.
    package var isFixed = false
    /// The database sets it.
    package var isReadOnly = false

    init(_ name: String, _ type: JSONType, column: String? = nil) {
        self.name = name
        self.column = column ?? name
        self.type = type
    }

    var required: Self { with(\.isRequired) }
    var fixed: Self { with(\.isFixed) }
    var readOnly: Self { with(\.isReadOnly) }

    private func with(_ fact: WritableKeyPath<Self, Bool>) -> Self {
        var copy = self
        copy[keyPath: fact] = true
        return copy
    }
}
