package import GatewayModel
package import JSONScan

/// A caller's request as translators see it: its bytes, and what has been read of them.
package struct ClientRequest: Sendable {
    package let operation: Operation
    /// A validated JSON object.
    package let body: [UInt8]
    package let members: [JSONMember]
    package let streams: Bool
    /// How many answers are asked for.
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

/// By what an answer is known where its provider has no such thing: `chatcmpl-…` of the gateway's request, and its second.
package struct AnswerIdentity: Sendable {
    private let request: RequestID
    /// Seconds since 1970 UTC.
    package let created: Int64

    package init(_ request: RequestID, wallMs: Int64) {
        self.request = request
        created = wallMs / 1000
    }

    package var id: String { "chatcmpl-" + stem }

    /// The part of it that is not the same in all.
    var stem: String { request.text.filter { $0 != "-" } }
}
