/// What a vendor bills once the connection of a running answer is closed.
package enum AfterClose: String, Codable, Sendable, Hashable {
    /// Generation, and with it billing, ends.
    case stops
    /// The answer is generated and billed to its end, read or not. Assumed of every deployment that does not say.
    case runsOn = "runs_on"
}
