internal import AdminCore
internal import FoundationEssentials
internal import GatewayModel

/// Reads a body by the members of a resource, into columns. It checks names and types of JSON, and reports all that is
/// wrong with them at once; whether a value is allowed is left to the database.
struct CatalogueBody {
    private(set) var columns: [String: CatalogueValue] = [:]
    private var errors: [MemberError] = []

    /// - Parameter creating: the body is of a new entry: it may have members that stay as they are, and must have some.
    /// - Throws: `AdminError.invalid` for a body that is not an object, `.invalidMembers` otherwise.
    init(_ data: Data, of resource: CatalogueResource, creating: Bool) throws {
        let allowed = resource.members.filter { !$0.isReadOnly && (creating || !$0.isFixed) }
        let members = try BodyReader.members(of: data)
        read(members, as: allowed, path: "")
        if creating {
            for member in allowed where member.isRequired && members[member.name] == nil {
                refuse(member.name, "is required.")
            }
        }
        guard errors.isEmpty else { throw AdminError.invalidMembers(errors) }
    }

    private mutating func refuse(_ param: String, _ why: String) {
        errors.append(MemberError(param: param, message: "'\(param)' \(why)"))
    }

    private mutating func read(_ members: [String: JSONInput], as allowed: [CatalogueMember], path: String) {
        for (name, input) in members.sorted(by: { $0.key < $1.key }) {
            guard let member = allowed.first(where: { $0.name == name }) else {
                let valid = allowed.map(\.name).sorted().joined(separator: ", ")
                refuse(path + name, "is not a member of this request. Valid members: \(valid).")
                continue
            }
            if case .object(let parts) = member.type {
                guard case .object(let inner) = input else {
                    refuse(path + name, "must be an object.")
                    continue
                }
                read(inner, as: parts, path: path + name + ".")
            } else if let value = value(input, of: member.type, path + name) {
                columns[member.column] = value
            }
        }
    }

    /// - Returns: `nil` when the value is refused.
    private mutating func value(
        _ input: JSONInput, of type: CatalogueMember.JSONType, _ param: String
    ) -> CatalogueValue? {
        switch (type, input) {
        case (.secret, .null), (.candidates, .null): break
        case (_, .null): return .null
        case (.text, .text(let value)), (.secret, .text(let value)):
            // PostgreSQL text cannot hold NUL.
            if !value.utf8.contains(0) { return .text(value) }
        case (.flag, .bool(let value)): return .flag(value)
        case (.integer, .integer(let value)): return .integer(value)
        case (.number, .integer(let value)): return .number(Double(value))
        case (.number, .number(let value)): return .number(value)
        case (.usd, .text(let text)): if let amount = NanoUSD(decimalUSD: text) { return .integer(amount.nano) }
        case (.texts, .list(let items)):
            let texts = items.compactMap { item -> CatalogueValue? in
                guard case .text(let value) = item, !value.utf8.contains(0) else { return nil }
                return .text(value)
            }
            if texts.count == items.count { return .list(texts) }
        case (.candidates, .list(let items)): return candidates(items, param)
        default: break
        }
        refuse(param, Self.description(of: type))
        return nil
    }

    private static func description(of type: CatalogueMember.JSONType) -> String {
        switch type {
        case .text, .secret: "must be a string without a NUL character."
        case .integer: "must be a whole number."
        case .number: "must be a number."
        case .flag: "must be true or false."
        case .texts: "must be a list of strings."
        case .usd: "must be a decimal string such as \"12.50\", with at most nine decimals."
        case .candidates: "must be a list of objects, each with a 'model'."
        case .object: "must be an object."
        }
    }

    private static let candidate: [(name: String, isText: Bool)] = [
        ("model", true), ("rank", false), ("weight", false),
    ]

    private mutating func candidates(_ items: [JSONInput], _ param: String) -> CatalogueValue? {
        var list: [CatalogueValue] = []
        var models: Set<String> = []
        let before = errors.count
        for (place, item) in items.enumerated() {
            let path = "\(param)[\(place)]"
            guard case .object(let members) = item, members["model"] != nil else {
                refuse(path, "must be an object with a 'model'.")
                continue
            }
            var row: [String: CatalogueValue] = [:]
            for (name, input) in members.sorted(by: { $0.key < $1.key }) {
                guard let part = Self.candidate.first(where: { $0.name == name }) else {
                    refuse("\(path).\(name)", "is not a member of a candidate. Valid members: model, rank, weight.")
                    continue
                }
                row[name] = value(input, of: part.isText ? .text : .integer, "\(path).\(name)")
            }
            if let model = row["model"]?.text, !models.insert(model).inserted {
                refuse("\(path).model", "is in the list already.")
            }
            list.append(.object(row))
        }
        return errors.count == before ? .list(list) : nil
    }
}
