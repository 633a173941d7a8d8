internal import Admission
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderResponses
internal import Translation

/// What an attempt came to whose response is complete and was not streamed.
enum PlainAnswer {
    /// `body` is as the caller receives it.
    case answer(body: [UInt8], ProviderResponse)
    case refused(ProviderRefusal, said: String)
    /// It may be billed nevertheless, by the usage it reports.
    case unusable(String, ProviderResponse?)

    init(_ attempt: Attempt, to request: InferenceRequest, _ context: WalkContext) {
        guard attempt.status == 200 else {
            let status = attempt.status ?? 502
            self = .refused(ProviderRefusal(status: status, body: attempt.body), said: "provider status \(status)")
            return
        }
        guard !request.streams || !attempt.isEventStream else {
            self = .unusable("stream without events", nil)
            return
        }
        let none = "answer that is none of \(request.operation.label)"
        guard
            let answer = attempt.translator.response(
                from: attempt.body, to: request.operation, as: context.identity)
        else {
            self = .unusable(none, nil)
            return
        }
        let facts = answer.facts
        if facts.errorMessage != nil {
            // Some providers report errors with a 200, even where a stream was asked for.
            let refusal = ProviderRefusal(inBand: attempt.body)
            self = .refused(refusal, said: "error under 200: \(refusal.loggable)")
        } else if facts.results == 0 || request.operation == .embedding && Int64(facts.results) != request.size.inputs {
            self = .unusable(none, facts)
        } else if request.streams {
            self = .unusable("plain answer where a stream was asked for", facts)
        } else if let body = Self.body(of: answer, attempt.translator, request) {
            self = .answer(body: body, facts)
        } else {
            self = .unusable("embeddings that are no vectors", facts)
        }
    }

    /// The provider's body with a model name and, for embeddings, in the requested encoding.
    ///
    /// - Returns: `nil` if the embeddings or the JSON are not valid.
    private static func body(of answer: TranslatedResponse, _ translator: Translator, _ request: InferenceRequest)
        -> [UInt8]?
    {
        var body = answer.body
        if request.operation == .embedding, let place = answer.facts.resultsRange {
            guard
                let converted = EmbeddingVectors.converted(body, listAt: place, toBase64: request.wantsBase64)
            else { return nil }
            body = converted
        }
        guard answer.facts.model == nil else { return body }
        // Conversion moved the members, so they are scanned again.
        guard let members = try? JSONScanner.members(of: body) else { return nil }
        var splice = JSONSplice(body, members)
        splice.set("model", json: translator.quotedModel)
        return splice.result()
    }
}
