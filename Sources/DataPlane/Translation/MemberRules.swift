internal import GatewayModel
internal import JSONScan

/// What happens to each member of a request on its way to a vendor.
///
/// A member **passes** (`pass`, `partial`), is **neutralised** (`fixed`; members on no list are dropped), or is
/// **refused** if dropping it would give clients something other than what they asked for. Members that raise the bill,
/// change the model, the length or the route, or reach other clients' data, never pass.
struct MemberRules: Sendable {
    /// Copied unchanged.
    var pass: NameSet
    /// Copied as far as their shape allows.
    var partial: [(name: StaticString, shape: MemberShape)] = []
    /// Sent whatever the client says, even if nothing, since absence would mean the default of the operator's account.
    ///
    /// The values are JSON.
    var fixed: [(name: StaticString, json: StaticString)] = []
    /// Refused with 400 and `param`.
    var refused: [Refusal] = []

    struct Refusal: Sendable {
        /// Member names, from the top of the request.
        let path: [StaticString]
        /// Values that request nothing, which are dropped instead.
        var harmless = Harmless.blank
        /// What to do instead, as a sentence.
        let instead: StaticString
    }

    enum Harmless: Sendable {
        /// `null`, `false` and empty text, lists and objects.
        case blank
        /// Blank values, and a string or a list of strings that all equal this one.
        case text(StaticString)
        /// Blank values, and an object whose member has this text.
        case member(StaticString, StaticString)
    }

    /// The allowed content of a member.
    enum MemberShape: Sendable {
        case any
        /// A number, a boolean, or a string of at most `scalarBytesMax`.
        case scalar
        /// An object, of which only these members are kept.
        case object([(name: StaticString, shape: MemberShape)])
        /// One of these strings; any other value is replaced.
        case text([StaticString], otherwise: StaticString)
        /// `true`; any other value is dropped.
        case yes
    }

    static let scalarBytesMax = 64
}

extension MemberRules {
    /// The error for a member whose value requests something that is refused.
    func refusal(of name: UnsafeBufferPointer<UInt8>, _ value: JSONView) -> GatewayError? {
        // By index: a copy of each entry would cost more than the comparison.
        for at in refused.indices where JSONString.equals(name, refused[at].path[0]) {
            let entry = refused[at]
            var found: JSONView? = value
            for part in entry.path.dropFirst() { found = found?[part] }
            guard let found, !entry.harmless.covers(found) else { continue }
            let param = entry.path.map { "\($0)" }.joined(separator: ".")
            return Translator.unsupported(param, "\(param) is not accepted. \(entry.instead)")
        }
        return nil
    }

    func shape(of name: UnsafeBufferPointer<UInt8>) -> MemberShape? {
        partial.indices.first { JSONString.equals(name, partial[$0].name) }.map { partial[$0].shape }
    }
}

extension MemberRules.Harmless {
    func covers(_ value: JSONView) -> Bool {
        switch value.kind {
        case .null: return true
        case .bool: return value.bool == false
        case .string: if value.content.isEmpty { return true }
        case .array, .object:
            var members = value.members
            if value.isEmpty, members.next() == nil { return true }
        case .number: break
        }
        switch self {
        case .blank: return false
        case .text(let text):
            return value.isText(text) || value.kind == .array && value.elements.allSatisfy { $0.isText(text) }
        case .member(let name, let text): return value[name]?.isText(text) == true
        }
    }
}

extension MemberRules.MemberShape {
    /// The part of the value that is passed on; `nil` to drop the member.
    func kept(of value: JSONView) -> [UInt8]? {
        switch self {
        case .any: return Array(value.raw)
        case .scalar:
            switch value.kind {
            case .number, .bool: return Array(value.raw)
            case .string: return value.range.count <= MemberRules.scalarBytesMax ? Array(value.raw) : nil
            case .array, .object, .null: return nil
            }
        case .yes: return value.bool == true ? Array(value.raw) : nil
        case .text(let texts, let otherwise):
            if value.isNull { return nil }
            if texts.contains(where: value.isText) { return Array(value.raw) }
            return Array("\"\(otherwise)\"".utf8)
        case .object(let shapes):
            guard value.kind == .object else { return nil }
            var out = ObjectWriter()
            var isBlank = true
            for (name, shape) in shapes {
                guard let inner = value[name], let kept = shape.kept(of: inner) else { continue }
                out.add(name, json: kept)
                isBlank = false
            }
            return isBlank ? nil : out.result()
        }
    }
}
