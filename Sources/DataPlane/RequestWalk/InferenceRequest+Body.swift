internal import Admission
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import Routing

extension InferenceRequest {
    /// The body for one deployment: the caller's bytes with the model's name there, for a stream the usage asked for, and
    /// the output limit under the one name this provider reads, so that it cannot read a larger one than was held for.
    ///
    /// - Parameter affordable: an output limit the money asks for.
    func body(for target: RouteTarget, affordable: Int64?) -> [UInt8] {
        var splice = JSONSplice(body, members)
        splice.set("model", json: target.quotedModel)
        if streams { splice.set("stream_options", json: optionsWithUsage) }
        if operation == .image { setFormat(of: &splice, for: target) }
        guard operation == .chat || operation == .completion else { return splice.result() }
        if let limit = affordable ?? size.outputTokensMax {
            var text: [UInt8] = []
            text.append(decimal: min(limit, target.model.maxOutputTokens))
            if target.model.wantsMaxCompletionTokens, operation == .chat {
                splice.set("max_completion_tokens", json: text)
                splice.remove("max_tokens")
            } else {
                splice.set("max_tokens", json: text)
                splice.remove("max_completion_tokens")
            }
        }
        return splice.result()
    }

    /// DALL·E answers with a URL unless it is asked not to; later models refuse the question.
    private func setFormat(of splice: inout JSONSplice, for target: RouteTarget) {
        if target.deployment.upstreamModel.hasPrefix("dall-e") || target.model.name.hasPrefix("dall-e") {
            splice.set("response_format", json: Array("\"b64_json\"".utf8))
        } else {
            splice.remove("response_format")
        }
    }

    private static let usageAsked = Array(#"{"include_usage":true}"#.utf8)

    private var optionsWithUsage: [UInt8] {
        guard let streamOptions else { return Self.usageAsked }
        let bytes = Array(body[streamOptions])
        guard let inner = try? JSONScanner.members(of: bytes) else { return Self.usageAsked }
        var splice = JSONSplice(bytes, inner)
        splice.set("include_usage", json: Array("true".utf8))
        return splice.result()
    }
}
