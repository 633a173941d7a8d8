/// What a vendor bills after the connection of a running response is closed.
package enum AfterClose: String, Codable, Sendable, Hashable {
    /// Generation ends, and billing with it.
    case stops
    /// The response is generated and billed to its end, read or not. The default for every deployment.
    case runsOn = "runs_on"
}
