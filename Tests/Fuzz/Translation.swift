import EventStream
import GatewayModel
import JSONScan
import PlaneContract
import ProviderResponses
import Translation

private let dialects: [DialectName] = [.openAI, .mistral, .groq, .ollama, .geminiCompatible, .xAI, .anthropic]

/// Whatever callers and providers send, the translators produce valid JSON, and their claims about it are true.
func fuzzTranslation(_ input: FuzzInput) {
    guard let first = input.bytes.first else { return }
    let dialect = Dialect.named(dialects[Int(first) % dialects.count])
    let body = input.rest
    let model = ModelEntry(
        name: "m", vendor: "v", kind: "chat", created: 0, contextWindow: nil, maxOutputTokens: 64_000, vision: true,
        tools: true, wantsMaxCompletionTokens: first & 64 != 0, firstEventMs: 1, idleMs: 1, prices: [])
    let translator = Translator(
        dialect: dialect, model: model, upstreamModel: first & 128 != 0 ? "claude-sonnet-4-5" : "claude-sonnet-5")
    let identity = ResponseIdentity(RequestID(milliseconds: 0, random: (1, 2)), wallMs: 0)
    request(body, translator)
    if let answer = translator.response(from: body, to: .chat, as: identity), answer.facts.errorMessage == nil {
        require((try? JSONScanner.members(of: answer.body)) != nil, "an answer that is no JSON")
        require(answer.facts.results >= 0, "results below zero")
    }
    var parser = EventStreamParser()
    var stream = translator.stream(of: .chat, as: identity)
    var isOver = false
    try? parser.feed(body) { event in
        guard !isOver, !event.data.isEmpty else { return }
        switch stream.translate(event.data) {
        case .nothing: break
        case .chunk(let chunk): check(chunk)
        case .last(let chunk):
            check(chunk)
            isOver = true
        case .done, .failed, .broken: isOver = true
        }
    }
}

private func check(_ chunk: ChatChunk) {
    require((try? JSONScanner.members(of: chunk.bytes)) != nil, "a chunk that is no JSON")
    require(chunk.contentDeltas >= 0 && chunk.contentBytes >= 0, "content below zero")
}

private func request(_ body: [UInt8], _ translator: Translator) {
    guard let members = try? JSONScanner.members(of: body) else { return }
    let given = ClientRequest(
        operation: .chat, body: body, members: members, streams: body.count % 2 == 0, choices: 1,
        traits: [.developerRole, .names, .parts, .calls, .otherMembers])
    guard let made = try? translator.body(of: given, outputTokens: 100) else { return }
    require((try? JSONScanner.members(of: made)) != nil, "a request that is no JSON")
}
