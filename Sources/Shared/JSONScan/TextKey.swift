/// A name or an id as a key of sets and dictionaries: the bytes of its text in UTF-8. Two spellings of one text are one key;
/// texts that `String` takes for equal but that differ in a byte (Unicode's canonical equivalence) are two.
package struct TextKey: Hashable, Sendable {
    private let bytes: [UInt8]

    /// - Parameter content: what stands between the quotes of a validated string.
    package init(_ content: UnsafeBufferPointer<UInt8>) { bytes = JSONString.utf8(content) }

    package init(_ text: String) { bytes = Array(text.utf8) }

    package func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}

extension JSONView {
    /// The text of a string as a key; `nil` for anything else.
    package var key: TextKey? { kind == .string ? TextKey(content) : nil }
}
