internal import GatewayModel
internal import JSONScan
internal import ProviderSchemas

/// The stream of an OpenAI-compatible vendor.
///
/// Most chunks pass unchanged. Those with a role, tool calls, content in parts or an unusual finish reason are
/// examined, and repaired where a client would stumble over them.
struct OpenAIStream: Sendable {
    let shape: UsageShape
    let endsCallsWithStop: Bool
    private let isChat: Bool
    private var mender: ChoiceMender
    private var hasStarted = false

    /// - Parameter identity: the source of new tool call ids.
    init(_ dialect: Dialect, _ operation: Operation, _ identity: AnswerIdentity) {
        shape = dialect.usage
        endsCallsWithStop = dialect.endsCallsWithStop
        isChat = operation == .chat
        mender = ChoiceMender(identity, endsCallsWithStop: dialect.endsCallsWithStop)
    }

    mutating func take(_ data: [UInt8]) -> StreamStep {
        if data.elementsEqual("[DONE]".utf8) { return .done }
        guard let chunk = try? ChatChunk(data, usage: shape) else { return .broken("an event that is no JSON object") }
        if chunk.errorMessage != nil {
            let refusal = ProviderRefusal(inBand: data)
            return .failed(refusal, detail: refusal.loggable)
        }
        if chunk.traits.contains(.failedFinish) {
            return .failed(ProviderRefusal(inBand: data), detail: "finish reason error")
        }
        guard chunk.hasChoices, let place = chunk.choicesPlace else { return .chunk(chunk) }
        let isFirst = isChat && !hasStarted
        hasStarted = true
        guard isFirst || !chunk.traits.isEmpty || chunk.hasFinish && endsCallsWithStop else { return .chunk(chunk) }
        switch chunk.bytes.withJSON({ mender.mend(deltas: JSONView($0, place)) }) {
        case .fine: return .chunk(chunk)
        case .tooManyCalls: return .broken("more than \(ChoiceMender.callsMax) tool calls")
        case .mended(let choices):
            var splice = JSONSplice(chunk.bytes, chunk.members)
            splice.set("choices", json: choices)
            guard let mended = try? ChatChunk(splice.result(), usage: shape) else { return .broken("a broken chunk") }
            return .chunk(mended)
        }
    }
}
