internal import GatewayModel
internal import JSONScan
internal import PlaneContract

/// A JSON value that can be rebuilt: for schemas, messages and tools.
///
/// Scalars keep their bytes, so numbers do not change.
///
/// Made only from validated documents, whose depth and size are bounded by the scanner and the body limit.
indirect enum JSONTree {
    case object([(name: String, value: JSONTree)])
    case array([JSONTree])
    case scalar([UInt8])

    init(_ view: JSONView) {
        switch view.kind {
        case .object:
            var out: [(String, JSONTree)] = []
            var members = view.members
            while let (name, value) = members.next() { out.append((JSONString.unescaped(name), JSONTree(value))) }
            self = .object(out)
        case .array: self = .array(view.elements.map(JSONTree.init))
        case .string, .number, .bool, .null: self = .scalar(Array(view.raw))
        }
    }

    static func text(_ text: String) -> JSONTree { .scalar(Array(JSONText.quoted(text).utf8)) }
    static func number(_ number: Int64) -> JSONTree { .scalar(Array(String(number).utf8)) }
    static func bool(_ value: Bool) -> JSONTree { .scalar(Array((value ? "true" : "false").utf8)) }
    static var null: JSONTree { .scalar(Array("null".utf8)) }

    /// A JSON string with the given content, which is already escaped.
    static func text(between content: [UInt8]) -> JSONTree {
        .scalar([UInt8(ascii: "\"")] + content + [UInt8(ascii: "\"")])
    }

    /// Leaves out members whose value is `nil`.
    static func object(_ members: KeyValuePairs<String, JSONTree?>) -> JSONTree {
        .object(members.compactMap { name, value in value.map { (name, $0) } })
    }

    var members: [(name: String, value: JSONTree)] { if case .object(let members) = self { members } else { [] } }
    var elements: [JSONTree] { if case .array(let elements) = self { elements } else { [] } }
    var isObject: Bool { if case .object = self { true } else { false } }

    subscript(name: String) -> JSONTree? { members.first { $0.name == name }?.value }

    /// The content of a string, unescaped.
    var string: String? {
        guard case .scalar(let raw) = self, raw.count >= 2, raw[0] == UInt8(ascii: "\"") else { return nil }
        return raw.withUnsafeBufferPointer {
            JSONString.unescaped(UnsafeBufferPointer(rebasing: $0[1..<($0.count - 1)]))
        }
    }

    func isText(_ text: String) -> Bool { string == text }

    /// The bytes of a scalar as text, including quotes.
    var spelling: String { if case .scalar(let raw) = self { String(decoding: raw, as: UTF8.self) } else { "" } }

    func write(into out: inout [UInt8]) {
        switch self {
        case .scalar(let raw): out += raw
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for (at, element) in elements.enumerated() {
                if at > 0 { out.append(UInt8(ascii: ",")) }
                element.write(into: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (at, member) in members.enumerated() {
                if at > 0 { out.append(UInt8(ascii: ",")) }
                out.append(UInt8(ascii: "\""))
                out.append(jsonEscaped: member.name)
                out.append("\":")
                member.value.write(into: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    var bytes: [UInt8] {
        var out: [UInt8] = []
        write(into: &out)
        return out
    }
}
