package import JSONScan

/// What the messages of a request contain that a vendor may not accept.
///
/// Collected while messages are parsed, so that messages every vendor accepts are not walked again.
package struct MessageTraits: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let developerRole = MessageTraits(rawValue: 1)
    package static let names = MessageTraits(rawValue: 2)
    /// Content as an array of parts.
    package static let parts = MessageTraits(rawValue: 4)
    /// Tool calls or their results.
    package static let calls = MessageTraits(rawValue: 8)
    /// A member other than role, content, name, tool_call_id and tool_calls.
    package static let otherMembers = MessageTraits(rawValue: 16)
    /// A part with members that `ContentPart` does not know.
    package static let nonstandardParts = MessageTraits(rawValue: 32)
    /// A file part.
    package static let files = MessageTraits(rawValue: 64)

    /// Records one member of a message.
    package mutating func record(_ name: UnsafeBufferPointer<UInt8>, _ value: JSONView) {
        if JSONString.equals(name, "role") {
            if value.isText("developer") { insert(.developerRole) }
        } else if JSONString.equals(name, "content") {
            if value.kind == .array { insert(.parts) }
        } else if JSONString.equals(name, "name") {
            insert(.names)
        } else if JSONString.equals(name, "tool_calls") || JSONString.equals(name, "tool_call_id") {
            insert(.calls)
        } else {
            insert(.otherMembers)
        }
    }
}

/// Access to top-level members.
extension ClientRequest {
    func member(_ name: StaticString, in bytes: UnsafeBufferPointer<UInt8>) -> JSONView? {
        let found = members.first { JSONString.equals(UnsafeBufferPointer(rebasing: bytes[$0.name]), name) }
        guard let found else { return nil }
        let value = JSONView(bytes, found.value)
        return value.isNull ? nil : value
    }
}
