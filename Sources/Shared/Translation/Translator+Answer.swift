package import GatewayModel
internal import JSONScan
package import ProviderSchemas

/// A complete response in the client's format, and what was read from it.
package struct TranslatedAnswer: Sendable {
    package let body: [UInt8]
    package let facts: ProviderAnswer
}

extension Translator {
    /// - Parameter body: the body of a 200.
    /// - Returns: `nil` when the body is not a response. An error inside it is in `facts.errorMessage`.
    package func answer(_ body: [UInt8], to operation: Operation, as identity: AnswerIdentity) -> TranslatedAnswer? {
        switch dialect.wire {
        case .openAI: openAIAnswer(body, to: operation, identity)
        case .anthropic: AnthropicAnswer.translated(body, as: identity)
        }
    }

    /// A translator for the stream of one attempt.
    package func stream(of operation: Operation, as identity: AnswerIdentity) -> StreamTranslator {
        switch dialect.wire {
        case .openAI: StreamTranslator(OpenAIStream(dialect, operation, identity))
        case .anthropic: StreamTranslator(AnthropicStream(identity))
        }
    }

    private func openAIAnswer(_ body: [UInt8], to operation: Operation, _ identity: AnswerIdentity) -> TranslatedAnswer?
    {
        guard let facts = try? ProviderAnswer(body, for: operation, usage: dialect.usage) else { return nil }
        guard facts.errorMessage == nil else { return TranslatedAnswer(body: body, facts: facts) }
        var splice = JSONSplice(body, facts.members)
        var hasChanged = false
        if facts.needsMending, let place = facts.resultsPlace {
            var mender = ChoiceMender(identity, endsCallsWithStop: dialect.endsCallsWithStop)
            if case .mended(let choices) = body.withJSON({ mender.mend(messages: JSONView($0, place)) }) {
                splice.set("choices", json: choices)
                hasChanged = true
            }
        }
        if let usage = facts.usage, let place = facts.usagePlace, !body[place].elementsEqual(usage.raw) {
            splice.set("usage", json: usage.raw)
            hasChanged = true
        }
        guard hasChanged else { return TranslatedAnswer(body: body, facts: facts) }
        let mended = splice.result()
        return (try? ProviderAnswer(mended, for: operation, usage: dialect.usage)).map {
            TranslatedAnswer(body: mended, facts: $0)
        }
    }
}
