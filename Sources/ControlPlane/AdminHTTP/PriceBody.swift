internal import AdminCore
internal import FoundationEssentials
internal import GatewayModel

/// Reads a new price, in the form that catalogue files have.
enum PriceBody {
    private static let kinds = PriceEntry.kinds

    static func draft(_ data: Data) throws -> PriceDraft {
        let body = try BodyReader(
            data, allowed: ["model", "effective_from", "usd_per_million_tokens", "usd_per_image"])
        let from = try body.text("effective_from")
        if let from, !Instant.isValid(from) {
            throw AdminError.invalid("'effective_from' \(Instant.rule)", param: "effective_from")
        }
        let members = try BodyReader.members(of: data)
        var draft = PriceDraft(
            model: try body.requiredText("model"), effectiveFrom: from, tokens: nil, tiers: [], images: nil)
        if let input = members["usd_per_million_tokens"] { try read(input, into: &draft) }
        if let input = members["usd_per_image"] { draft.images = try images(input) }
        guard draft.tokens != nil || draft.images != nil else {
            throw AdminError.invalid(
                "'usd_per_million_tokens' or 'usd_per_image' is required.", param: "usd_per_million_tokens")
        }
        return draft
    }

    private static func read(_ input: JSONInput, into draft: inout PriceDraft) throws {
        let path = "usd_per_million_tokens"
        var members = try object(input, path, allowed: kinds + ["tiers"])
        let tiers = members.removeValue(forKey: "tiers")
        draft.tokens = try amounts(members, path)
        guard let tiers else { return }
        draft.tiers = try list(tiers, path + ".tiers").enumerated().map { place, item in
            let path = "\(path).tiers[\(place)]"
            var members = try object(item, path, allowed: kinds + ["above_input_tokens"])
            guard case .integer(let above)? = members.removeValue(forKey: "above_input_tokens") else {
                throw refusal(path + ".above_input_tokens", "must be a whole number.")
            }
            return PriceDraft.Tier(aboveInputTokens: above, usd: try amounts(members, path))
        }
    }

    private static func images(_ input: JSONInput) throws -> [PriceDraft.Image] {
        try list(input, "usd_per_image").enumerated().map { place, item in
            let path = "usd_per_image[\(place)]"
            let members = try object(item, path, allowed: ["quality", "size", "usd"])
            func optional(_ name: String) throws -> String? {
                switch members[name] {
                case nil, .null: return nil
                case .text(let value) where !value.utf8.contains(0): return value
                default: throw refusal("\(path).\(name)", "must be a string or null.")
                }
            }
            guard let usd = try amounts(members.filter { $0.key == "usd" }, path, required: ["usd"])["usd"] else {
                throw refusal("\(path).usd", "is required.")
            }
            return PriceDraft.Image(quality: try optional("quality"), size: try optional("size"), usd: usd)
        }
    }

    /// Amounts by name, without those that are null.
    private static func amounts(
        _ members: [String: JSONInput], _ path: String, required: [String] = ["input", "output"]
    ) throws -> [String: String] {
        var amounts: [String: String] = [:]
        for (name, input) in members {
            if case .null = input { continue }
            guard case .text(let text) = input, NanoUSD(decimalUSD: text) != nil else {
                throw refusal(
                    "\(path).\(name)", "must be a decimal string such as \"0.25\", with at most nine decimals.")
            }
            amounts[name] = text
        }
        if let missing = required.first(where: { amounts[$0] == nil }) {
            throw refusal("\(path).\(missing)", "is required.")
        }
        return amounts
    }

    private static func object(
        _ input: JSONInput, _ path: String, allowed: [String]
    ) throws -> [String: JSONInput] {
        guard case .object(let members) = input else { throw refusal(path, "must be an object.") }
        if let unknown = members.keys.filter({ !allowed.contains($0) }).min() {
            let valid = allowed.sorted().joined(separator: ", ")
            throw refusal("\(path).\(unknown)", "is not a member of this request. Valid members: \(valid).")
        }
        return members
    }

    private static func list(_ input: JSONInput, _ path: String) throws -> [JSONInput] {
        guard case .list(let items) = input else { throw refusal(path, "must be a list.") }
        return items
    }

    private static func refusal(_ param: String, _ why: String) -> AdminError {
        .invalidMembers([MemberError(param: param, message: "'\(param)' \(why)")])
    }
}
