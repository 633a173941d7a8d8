package import ProviderResponses

/// The result of one event of a provider's stream.
package enum StreamStep: Sendable {
    /// Nothing to send to the client.
    case nothing
    /// A chunk in OpenAI's format that any client can read.
    case chunk(ChatChunk)
    /// The last chunk: the provider has completed its response.
    case last(ChatChunk)
    /// The response is complete, without another chunk.
    case done
    /// The provider reports a failure; `detail` is for the log.
    case failed(ProviderRefusal, detail: String)
    /// A violation of the format, described for the log.
    case broken(String)
}

/// Translates a provider's stream, event by event, into the client's format. Does no I/O; one value per attempt.
package struct StreamTranslator: Sendable {
    // One of the two is set. They are mutated in place, which the payload of an enum would not allow.
    private var openAI: OpenAIStream?
    private var anthropic: AnthropicStream?

    init(_ stream: OpenAIStream) { openAI = stream }
    init(_ stream: AnthropicStream) { anthropic = stream }

    /// Translates one event.
    ///
    /// - Parameter data: the data of the event, not empty.
    package mutating func translate(_ data: [UInt8]) -> StreamStep {
        openAI?.translate(data) ?? anthropic?.translate(data) ?? .nothing
    }
}
