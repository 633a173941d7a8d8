package import GatewayModel
internal import JSONScan
package import ProviderResponses

/// A complete response in the client's format, and what was read from it.
package struct TranslatedResponse: Sendable {
    package let body: [UInt8]
    package let facts: ProviderResponse
}

extension Translator {
    /// Translates a complete response.
    ///
    /// - Parameter body: the body of a 200.
    /// - Returns: `nil` when the body is not a response. An error inside it is in `facts.errorMessage`.
    package func response(from body: [UInt8], to operation: Operation, as identity: ResponseIdentity)
        -> TranslatedResponse?
    {
        switch dialect.wire {
        case .openAI: openAIResponse(body, to: operation, identity)
        case .anthropic: AnthropicResponse.translated(body, as: identity)
        }
    }

    /// A translator for the stream of one attempt.
    package func stream(of operation: Operation, as identity: ResponseIdentity) -> StreamTranslator {
        switch dialect.wire {
        case .openAI: StreamTranslator(OpenAIStream(dialect, operation, identity))
        case .anthropic: StreamTranslator(AnthropicStream(identity))
        }
    }

    private func openAIResponse(_ body: [UInt8], to operation: Operation, _ identity: ResponseIdentity)
        -> TranslatedResponse?
    {
        guard let facts = try? ProviderResponse(body, for: operation, usage: dialect.usage) else { return nil }
        guard facts.errorMessage == nil else { return TranslatedResponse(body: body, facts: facts) }
        var splice = JSONSplice(body, facts.members)
        var hasChanged = false
        if facts.needsRepair, let range = facts.resultsRange {
            var repairer = ChoiceRepairer(identity, endsCallsWithStop: dialect.endsCallsWithStop)
            if case .repaired(let choices) = body.withJSON({ repairer.repair(messages: JSONView($0, range)) }) {
                splice.set("choices", json: choices)
                hasChanged = true
            }
        }
        if let usage = facts.usage, let range = facts.usageRange, !body[range].elementsEqual(usage.raw) {
            splice.set("usage", json: usage.raw)
            hasChanged = true
        }
        guard hasChanged else { return TranslatedResponse(body: body, facts: facts) }
        let repaired = splice.result()
        return (try? ProviderResponse(repaired, for: operation, usage: dialect.usage)).map {
            TranslatedResponse(body: repaired, facts: $0)
        }
    }
}
