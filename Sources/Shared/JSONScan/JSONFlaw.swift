/// Why bytes are not the JSON document that was asked for.
package enum JSONFlaw: Error, Equatable, Sendable {
    case empty
    /// Not RFC 8259 JSON, not UTF-8, or a number no double can hold, at this byte.
    case syntax(at: Int)
    /// Nested deeper than `JSONScanner.depthMax`.
    case tooDeep(at: Int)
    /// An object has a member twice: gateway and provider might read different ones.
    case duplicateKey(String, depth: Int)
    /// More top-level members than `JSONScanner.membersMax`.
    case tooManyMembers
    case notAnObject
}
