/// Why bytes are not the JSON document that was asked for.
package enum JSONFlaw: Error, Equatable, Sendable {
    case empty
    /// Not RFC 8259 JSON, or not UTF-8, at this byte.
    case syntax(at: Int)
    /// Nested deeper than `JSONScanner.depthMax`.
    case tooDeep(at: Int)
    /// A top-level member occurs twice: gateway and provider might read different ones.
    case duplicateKey(String)
    /// More top-level members than `JSONScanner.membersMax`.
    case tooManyMembers
    case notAnObject
}
