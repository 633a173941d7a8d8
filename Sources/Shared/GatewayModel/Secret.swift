/// Text that must not leak: it prints only its first characters, and cannot be encoded by accident.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    package init(_ text: String) { self.text = text }

    /// The text itself. Each call is a deliberate decision to expose it.
    package func reveal() -> String { text }

    package var description: String { text.count > 12 ? "\(text.prefix(9))…" : "…" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
