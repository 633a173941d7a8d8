import GatewayModel
import ProviderResponses

/// Anything a provider sends can be parsed: chunks, answers, errors, usage.
func fuzzProvider(_ input: FuzzInput) {
    guard let first = input.bytes.first else { return }
    let body = input.rest
    require(ProviderRefusal(status: 300 + Int(first), body: body).waitMs ?? 0 >= 0, "a wait below zero")
    if let chunk = try? ChatChunk(body) {
        _ = chunk.model
        require(chunk.contentDeltas >= 0 && chunk.contentBytes >= 0, "content below zero")
        require(chunk.contentBytes <= Int64(body.count), "more content than bytes")
        check(chunk.usage)
    }
    for operation in Operation.allCases {
        guard let answer = try? ProviderResponse(body, for: operation) else { continue }
        require(answer.contentBytes >= 0 && answer.contentBytes <= Int64(body.count), "more content than bytes")
        check(answer.usage)
        guard operation == .embedding, let place = answer.resultsRange else { continue }
        for toBase64 in [true, false] {
            guard let converted = EmbeddingVectors.converted(body, listAt: place, toBase64: toBase64) else { continue }
            require((try? ProviderResponse(converted, for: operation))?.results == answer.results, "vectors lost")
        }
    }
}

private func check(_ reported: ProviderUsage?) {
    guard let usage = reported?.tokens else { return }
    let parts = [
        usage.input, usage.imageInput, usage.cacheRead, usage.cacheWrite, usage.cacheWriteHour, usage.output,
        usage.reasoning,
    ]
    require(parts.allSatisfy { $0 >= 0 }, "usage below zero")
    require(usage.total == parts.reduce(0, +), "a total that is no sum")
    let dear = Price(
        id: 1, effectiveFromMs: 0, input: .max, cacheRead: .max, cacheWrite: .max, output: .max, reasoning: .max)
    require(dear.cost(of: usage) >= .zero, "a cost below zero")
}
