internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderResponses
internal import Routing
internal import Translation

/// Stage 6 for plain answers: complete, translated, and charged before they are sent.
extension RequestWalk {
    /// Delivers a complete answer that was not streamed.
    mutating func deliver(_ translated: TranslatedResponse, at now: Int64) {
        guard let current = attempt, let request = admitted?.request else { return }
        guard let body = finished(current, translated, request) else {
            return attemptBroke("embeddings that are no vectors", at: now)
        }
        let answer = translated.facts
        if let model = answer.model { answered(by: model) }
        if relay.dearerPrice != nil { return answeredByAnother(at: now) }
        relay.firstByteMs = now - startedMs
        relay.contentBytes = answer.contentBytes
        relay.images = request.operation == .image ? Int64(answer.results) : 0
        relay.usage = answer.usage
        let charge = charge(.whole, at: now)
        noteAnswered(charge.usage, at: now)
        var headers = answerHeaders
        headers.add("content-type", "application/json")
        headers.add("x-aihub-cost-usd", charge.cost.decimalUSD)
        if relay.isCapped { headers.add("x-aihub-capped-by", "budget") }
        say(.respond(Response(status: 200, headers: headers, body: body), close: false))
        keep(body: body, charge, at: now)
        settle(.completed, status: 200, at: now, .whole)
        end(status: 200, outcome: .completed, error: nil, at: now)
    }

    /// The provider's body with a model name and, for embeddings, in the requested encoding.
    ///
    /// - Returns: `nil` if the embeddings or the JSON are not valid.
    private func finished(_ attempt: Attempt, _ answer: TranslatedResponse, _ request: InferenceRequest) -> [UInt8]? {
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
        splice.set("model", json: attempt.target.quotedModel)
        return splice.result()
    }
}
