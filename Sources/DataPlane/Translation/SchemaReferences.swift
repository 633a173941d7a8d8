internal import JSONScan

/// Resolves references within one schema (RFC 6901 pointers, `#/$defs/Name`).
///
/// Each node is indexed once, so that all look-ups together take time linear in the schema and the references.
final class SchemaReferences {
    private final class Node {
        let tree: JSONTree
        private var children: [TextKey: Node]?

        init(_ tree: JSONTree) { self.tree = tree }

        func child(_ name: TextKey) -> Node? {
            if children == nil {
                children = Dictionary(tree.members.map { (TextKey($0.name), Node($0.value)) }) { first, _ in first }
            }
            return children?[name]
        }
    }

    private let root: Node

    init(root: JSONTree) { self.root = Node(root) }

    /// - Returns: `nil` for a reference of another form, or without a target.
    func resolve(_ reference: String) -> JSONTree? {
        guard reference.utf8.first == UInt8(ascii: "#") else { return nil }
        var node = root
        for step in reference.utf8.dropFirst().split(separator: UInt8(ascii: "/")) {
            guard let next = node.child(Self.name(step)) else { return nil }
            node = next
        }
        return node.tree
    }

    /// Unescapes a step of a pointer: `~1` is a slash, `~0` a tilde.
    private static func name(_ step: Substring.UTF8View) -> TextKey {
        guard step.contains(UInt8(ascii: "~")) else { return TextKey(String(Substring(step))) }
        var out: [UInt8] = []
        var isEscape = false
        for byte in step {
            if isEscape, byte == UInt8(ascii: "1") || byte == UInt8(ascii: "0") {
                out[out.count - 1] = byte == UInt8(ascii: "1") ? UInt8(ascii: "/") : UInt8(ascii: "~")
                isEscape = false
            } else {
                out.append(byte)
                isEscape = byte == UInt8(ascii: "~")
            }
        }
        return TextKey(String(decoding: out, as: UTF8.self))
    }
}

extension JSONTree {
    /// The size of the value when written: its bytes, plus one for each member and element.
    var size: Int {
        switch self {
        case .scalar(let raw): raw.count
        case .array(let elements): elements.reduce(elements.count) { $0 + $1.size }
        case .object(let members): members.reduce(members.count) { $0 + $1.name.utf8.count + $1.value.size }
        }
    }
}
