internal import Admission
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderResponses

/// The events of a stream as the caller receives them.
enum StreamEvents {
    static let done = Array("data: [DONE]\n\n".utf8)

    static func event(_ data: [UInt8]) -> [UInt8] { Array("data: ".utf8) + data + Array("\n\n".utf8) }

    /// The chunk for the caller: the provider's bytes with a model name, and without usage that was not asked for.
    static func relayed(_ chunk: ChatChunk, wantsUsage: Bool, model: @autoclosure () -> [UInt8]) -> [UInt8] {
        var splice = JSONSplice(chunk.bytes, chunk.members)
        if wantsUsage {
            // With `include_usage`, every chunk has the member (OpenAI API reference, `stream_options.include_usage`).
            splice.set("usage", json: Array("null".utf8))
        } else if chunk.hasUsageMember {
            splice.remove("usage")
        }
        if chunk.modelRange == nil { splice.set("model", json: model()) }
        return onOneLine(splice.result())
    }

    /// The last chunk of a stream whose usage was asked for: no choices, the provider's usage, and the cost.
    static func usage(
        _ charge: Charge, reported: ProviderUsage?, like chunk: ChatChunk, model: @autoclosure () -> [UInt8]
    ) -> [UInt8] {
        var splice = JSONSplice(chunk.bytes, chunk.members)
        splice.set("choices", json: Array("[]".utf8))
        splice.set("usage", json: usageWithCost(charge, reported))
        if chunk.modelRange == nil { splice.set("model", json: model()) }
        return onOneLine(splice.result())
    }

    private static func usageWithCost(_ charge: Charge, _ reported: ProviderUsage?) -> [UInt8] {
        let cost = charge.cost
        if charge.source == .provider, let raw = reported?.raw, let members = try? JSONScanner.members(of: raw) {
            var splice = JSONSplice(raw, members)
            splice.set("cost", json: Array(cost.decimalUSD.utf8))
            return splice.result()
        }
        let usage = charge.usage
        let prompt = usage.prompt
        let completion = usage.output + usage.reasoning
        let text =
            "{\"prompt_tokens\":\(prompt),\"completion_tokens\":\(completion),"
            + "\"total_tokens\":\(prompt + completion),\"cost\":\(cost.decimalUSD)}"
        return Array(text.utf8)
    }

    /// The last chunk of a stream whose money ran out: as if it had reached its output limit, with the reason.
    static func outOfMoney(
        _ request: InferenceRequest, _ limit: LimitFacts?, like chunk: ChatChunk, model: @autoclosure () -> [UInt8]
    ) -> [UInt8] {
        let content = request.operation == .completion ? "\"text\":\"\"" : "\"delta\":{}"
        let choices = (0..<request.size.choices)
            .map { "{\"index\":\($0),\(content),\"logprobs\":null,\"finish_reason\":\"length\"}" }
        var splice = JSONSplice(chunk.bytes, chunk.members)
        splice.set("choices", json: Array("[\(choices.joined(separator: ","))]".utf8))
        splice.remove("usage")
        var why = "{\"reason\":\"budget_exhausted\""
        if let limit { why += ",\"limit\":{\(limit.members)}" }
        splice.set("aihub", json: Array((why + "}").utf8))
        if chunk.modelRange == nil { splice.set("model", json: model()) }
        return onOneLine(splice.result())
    }

    /// A line break inside JSON is whitespace, but would end the data line of an event.
    private static func onOneLine(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 == 0x0a || $0 == 0x0d }) else { return bytes }
        return bytes.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 }
    }
}
