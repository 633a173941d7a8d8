package import ProviderSchemas

/// What one event of a provider's stream comes to.
package enum StreamStep: Sendable {
    /// Nothing for the caller.
    case nothing
    /// A chunk in OpenAI's format, as any client can read it.
    case chunk(ChatChunk)
    /// The last one: the provider has said that its answer is complete.
    case last(ChatChunk)
    /// The answer is complete.
    case done
    /// The provider says that it failed; `detail` is for the log.
    case failed(ProviderRefusal, detail: String)
    /// Not what the format allows.
    case broken(String)
}

/// A provider's stream, event by event, in the caller's format. A value without I/O: one for each attempt.
package struct StreamTranslator: Sendable {
    // One of the two: changed in place, which an enum with payloads would not be.
    private var openAI: OpenAIStream?
    private var anthropic: AnthropicStream?

    init(_ stream: OpenAIStream) { openAI = stream }
    init(_ stream: AnthropicStream) { anthropic = stream }

    /// - Parameter data: the data of one event, not empty.
    package mutating func take(_ data: [UInt8]) -> StreamStep {
        openAI?.take(data) ?? anthropic?.take(data) ?? .nothing
    }
}
