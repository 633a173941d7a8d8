/// Why the input is not an acceptable request.
///
/// The connection must be closed after it: where the next request would begin cannot be known (RFC 9112 §9.6, §11.2).
package enum HTTPParseError: Error, Equatable, Sendable {
    /// 400. The text says what is wrong and never repeats the input.
    case malformed(String)
    /// 431.
    case headTooLarge
    /// 414.
    case targetTooLong
    /// 413.
    case bodyTooLarge

    static func malformed(unless condition: Bool, _ what: StaticString) throws(HTTPParseError) {
        guard condition else { throw .malformed("\(what)") }
    }
}
