/// Why bytes are not a request this server takes. The connection is of no more use after it: where the next request would
/// begin cannot be known (RFC 9112 §9.6, §11.2).
package enum HTTPFlaw: Error, Equatable, Sendable {
    /// 400; the text names what is wrong, never what was sent.
    case malformed(String)
    /// 431.
    case headTooLarge
    /// 414.
    case targetTooLong
    /// 413.
    case bodyTooLarge

    static func malformed(unless condition: Bool, _ what: StaticString) throws(HTTPFlaw) {
        guard condition else { throw .malformed("\(what)") }
    }
}
