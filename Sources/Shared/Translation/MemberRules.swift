internal import GatewayModel
internal import JSONScan

/// What becomes of each member of a request on its way to a vendor: three lists, and a rule for everything else.
///
/// A member **passes** (`pass`, `partly`), is **neutralised** (`fixed`; what no list names is left out), or is **refused**, where
/// leaving it out would give callers something else than they asked for. Members that raise the bill, change the model, the
/// length or the route, or reach what belongs to others, never pass.
struct MemberRules: Sendable {
    /// Taken over as they are.
    var pass: NameSet
    /// Taken over as far as their shape says.
    var partly: [(name: StaticString, shape: MemberShape)] = []
    /// Written out whatever the caller says, and where they say nothing: absence would mean the setting of the operator's own
    /// account. The values are JSON.
    var fixed: [(name: StaticString, json: StaticString)] = []
    /// Answered with 400 and `param`.
    var refused: [Refusal] = []

    struct Refusal: Sendable {
        /// Member by member, from the top of the request.
        let path: [StaticString]
        /// What does not ask for anything and is left out instead.
        var harmless = Harmless.blank
        /// What to do instead, as a sentence.
        let instead: StaticString
    }

    enum Harmless: Sendable {
        /// `null`, `false` and empty text, lists and objects.
        case blank
        /// Those, and text or a list of texts that are all this one.
        case text(StaticString)
        /// Those, and an object in which the member is the text.
        case member(StaticString, StaticString)
    }

    /// What may stand in a member, part by part.
    enum MemberShape: Sendable {
        case any
        /// A number, a truth value or a text of at most `scalarBytesMax`.
        case scalar
        /// An object of which these members are kept.
        case object([(name: StaticString, shape: MemberShape)])
        /// One of these texts; anything else is replaced.
        case text([StaticString], otherwise: StaticString)
        /// `true`; anything else is left out.
        case yes
    }

    static let scalarBytesMax = 64
}

extension MemberRules {
    /// The refusal for a member of the request, if what it holds asks for something that is refused.
    func refusal(of name: UnsafeBufferPointer<UInt8>, _ value: JSONView) -> GatewayError? {
        for entry in refused where JSONString.equals(name, entry.path[0]) {
            var found: JSONView? = value
            for part in entry.path.dropFirst() { found = found?[part] }
            guard let found, !entry.harmless.covers(found) else { continue }
            let param = entry.path.map { "\($0)" }.joined(separator: ".")
            return Translator.unsupported(param, "\(param) is not accepted. \(entry.instead)")
        }
        return nil
    }

    func shape(of name: UnsafeBufferPointer<UInt8>) -> MemberShape? {
        partly.first { JSONString.equals(name, $0.name) }?.shape
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
    /// The value as far as it is taken over; `nil` leaves it out.
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
