internal import Admission
internal import ClientDialects
internal import GatewayModel
internal import JSONScan
internal import Routing

/// `POST /v1/chat/completions` (OpenAI API reference, "Create chat completion").
extension InferenceRequest {
    static let messagesMax = 10_000

    mutating func read(chat name: String, _ value: JSONView) throws(GatewayError) {
        switch name {
        case "messages": try read(messages: value)
        case "max_completion_tokens": maxCompletionTokens = try Field.whole(name, value, 1...Int64(Int32.max))
        case "n": size.choices = try Field.whole(name, value, 1...Self.choicesMax) ?? 1
        case "reasoning_effort": asksToThink = value.hasText && !value.isText("none")
        case "logprobs": _ = try Field.flag(name, value)
        case "top_logprobs": _ = try Field.whole(name, value, 0...20)
        case "tools":
            guard value.isNull || value.kind == .array else { throw Self.invalid(name, "tools must be an array.") }
            facts.hasTools = !value.isEmpty
            isForeign = isForeign || ForeignTools.areForeign(value)
        case "tool_choice": isForeign = isForeign || ForeignTools.isForeign(choice: value)
        case "input": hasForeignInput = !value.isNull
        case "instructions": isForeign = isForeign || !value.isNull
        case "max_output_tokens":
            isForeign = try Field.whole(name, value, 1...Int64(Int32.max)) != nil || isForeign
        case "reasoning": isForeign = isForeign || value["effort"]?.kind == .string
        case "text": isForeign = isForeign || value.kind == .object
        default: try read(generation: name, value)
        }
    }

    /// What chat and text completions have in common.
    mutating func read(generation name: String, _ value: JSONView) throws(GatewayError) {
        switch name {
        case "stream": streams = try Field.flag(name, value)
        case "stream_options": try read(streamOptions: value)
        case "max_tokens": maxTokens = try Field.whole(name, value, 1...Int64(Int32.max))
        case "temperature": try Field.real(name, value, 0...2)
        case "top_p": try Field.real(name, value, 0...1)
        case "presence_penalty", "frequency_penalty": try Field.real(name, value, -2...2)
        case "seed": _ = try Field.whole(name, value, .min ... .max)
        default: break
        }
    }

    private mutating func read(streamOptions value: JSONView) throws(GatewayError) {
        guard !value.isNull else { return }
        guard value.kind == .object else { throw Self.invalid("stream_options", "stream_options must be an object.") }
        hasStreamOptions = true
        guard let asked = value["include_usage"] else { return }
        wantsUsage = try Field.flag("stream_options.include_usage", asked)
    }

    private mutating func read(messages value: JSONView) throws(GatewayError) {
        guard !value.isNull else { return }
        guard value.kind == .array else { throw Self.invalid("messages", "messages must be an array.") }
        var reader = MessageReader()
        for message in value.elements {
            guard reader.count < Self.messagesMax else { break }
            try reader.read(message)
        }
        guard reader.count > 0, value.range.count > 2, reader.count < Self.messagesMax || Self.isAll(value) else {
            throw Self.invalid("messages", "messages must hold 1 to \(Self.messagesMax) messages.")
        }
        hasInput = true
        isForeign = isForeign || reader.hasForeignParts
        facts.hasImages = reader.images > 0
        traits = reader.traits
        size.images = reader.images
        size.textBytes -= reader.dataBytes
    }

    private static func isAll(_ messages: JSONView) -> Bool {
        messages.elements.prefix(messagesMax + 1).reduce(0) { count, _ in count + 1 } <= messagesMax
    }
}
