package import GatewayModel
package import JSONScan

/// A client's request as translators see it: its bytes, and what was parsed from them.
package struct ClientRequest: Sendable {
    package let operation: Operation
    /// A validated JSON object.
    package let body: [UInt8]
    package let members: [JSONMember]
    package let streams: Bool
    /// How many outputs may be billed: `n`, or `best_of` of a text completion where that is larger; 1 if the client
    /// sent neither.
    package let choices: Int64
    package let traits: MessageTraits

    /// - Parameter members: what `JSONScanner.members(of: body)` returned.
    package init(
        operation: Operation, body: [UInt8], members: [JSONMember], streams: Bool, choices: Int64,
        traits: MessageTraits
    ) {
        self.operation = operation
        self.body = body
        self.members = members
        self.streams = streams
        self.choices = choices
        self.traits = traits
    }
}

/// The id and time for responses whose provider sends none, such as Anthropic's.
///
/// The id is `chatcmpl-…` with the gateway's request id.
package struct ResponseIdentity: Sendable {
    private let request: RequestID
    /// Seconds since 1970 UTC.
    package let created: Int64

    /// - Parameter wallMs: milliseconds since 1970 UTC.
    package init(_ request: RequestID, wallMs: Int64) {
        self.request = request
        created = wallMs / 1000
    }

    package var id: String { "chatcmpl-" + stem }

    /// The part after the prefix.
    var stem: String { request.text.filter { $0 != "-" } }
}
