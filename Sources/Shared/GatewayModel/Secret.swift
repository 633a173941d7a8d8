/// Text that must not be seen: it prints as its first characters, and nothing can encode it by accident.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    package init(_ text: String) { self.text = text }

    /// The text itself. Every use of it is a decision to show it to somebody.
    package func reveal() -> String { text }

    package var description: String { text.count > 12 ? "\(text.prefix(9))…" : "…" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
