/// A name or an id as a key of sets and dictionaries, compared by its UTF-8 bytes.
///
/// Different escapes of one text are the same key. Texts that differ in a byte are different keys, even if `String`
/// considers them equal (Unicode's canonical equivalence).
package struct TextKey: Hashable, Sendable {
    private let bytes: [UInt8]

    /// - Parameter content: the bytes between the quotes of a validated string.
    package init(_ content: UnsafeBufferPointer<UInt8>) { bytes = JSONString.utf8(content) }

    /// - Parameter text: unescaped.
    package init(_ text: String) { bytes = Array(text.utf8) }

    package func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}

extension JSONView {
    /// The text of a string as a key; `nil` for anything else.
    package var key: TextKey? { kind == .string ? TextKey(content) : nil }
}
