internal import GatewayModel
internal import JSONScan
internal import ProviderResponses

/// The stream of an OpenAI-compatible vendor.
///
/// Most chunks pass unchanged. Those with a role, tool calls, content in parts or an unusual finish reason are
/// examined, and repaired where a client would stumble over them.
struct OpenAIStream: Sendable {
    let shape: UsageShape
    let endsCallsWithStop: Bool
    private let isChat: Bool
    private var repairer: ChoiceRepairer
    private var hasStarted = false

    /// - Parameter identity: the source of new tool call ids.
    init(_ dialect: Dialect, _ operation: Operation, _ identity: ResponseIdentity) {
        shape = dialect.usage
        endsCallsWithStop = dialect.endsCallsWithStop
        isChat = operation == .chat
        repairer = ChoiceRepairer(identity, endsCallsWithStop: dialect.endsCallsWithStop)
    }

    mutating func translate(_ data: [UInt8]) -> StreamStep {
        if data.elementsEqual("[DONE]".utf8) { return .done }
        guard let chunk = try? ChatChunk(data, usage: shape) else {
            return .broken("an event that is not a JSON object")
        }
        if chunk.errorMessage != nil {
            let refusal = ProviderRefusal(inBand: data)
            return .failed(refusal, detail: refusal.loggable)
        }
        if chunk.traits.contains(.failedFinish) {
            return .failed(ProviderRefusal(inBand: data), detail: "finish reason error")
        }
        guard chunk.hasChoices, let range = chunk.choicesRange else { return .chunk(chunk) }
        let isFirst = isChat && !hasStarted
        hasStarted = true
        guard isFirst || !chunk.traits.isEmpty || chunk.hasFinish && endsCallsWithStop else { return .chunk(chunk) }
        switch chunk.bytes.withJSON({ repairer.repair(deltas: JSONView($0, range)) }) {
        case .unchanged: return .chunk(chunk)
        case .tooManyCalls: return .broken("more than \(ChoiceRepairer.callsMax) tool calls")
        case .repaired(let choices):
            var splice = JSONSplice(chunk.bytes, chunk.members)
            splice.set("choices", json: choices)
            guard let repaired = try? ChatChunk(splice.result(), usage: shape) else { return .broken("a broken chunk") }
            return .chunk(repaired)
        }
    }
}
