/// Why bytes are not the expected JSON document.
package enum JSONError: Error, Equatable, Sendable {
    case empty
    /// Not RFC 8259 JSON, not UTF-8, or a number too large for a double, at this byte offset.
    case syntax(at: Int)
    /// Nested deeper than `JSONScanner.depthMax`.
    case tooDeep(at: Int)
    /// An object has a member twice, of which gateway and provider might read different ones.
    case duplicateKey(String, depth: Int)
    /// More top-level members than `JSONScanner.membersMax`.
    case tooManyMembers
    case notAnObject
}
