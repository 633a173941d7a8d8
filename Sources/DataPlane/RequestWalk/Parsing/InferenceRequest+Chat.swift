internal import Admission
internal import GatewayModel
internal import InboundFormats
internal import JSONScan
internal import PlaneContract
internal import Routing

/// `POST /v1/chat/completions` (OpenAI API reference, "Create chat completion").
extension InferenceRequest {
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
            try RequestShape.check(tools: value, name)
            size.hasTools = facts.hasTools
            size.schemaBytes += Int64(value.range.count)
            isForeign = isForeign || InboundTools.needConversion(value)
        case "functions":
            try RequestShape.check(tools: value, name)
            size.schemaBytes += Int64(value.range.count)
        case "response_format":
            try RequestShape.check(schemas: value, name)
            size.schemaBytes += Int64(value.range.count)
        case "tool_choice":
            size.schemaBytes += Int64(value.range.count)
            isForeign = isForeign || InboundTools.needsConversion(choice: value)
        case "input":
            hasForeignInput = !value.isNull
            guard !Self.holds(more: RequestShape.itemsMax, value) else {
                throw RequestShape.tooMany(name, RequestShape.itemsMax, "items")
            }
        case "instructions": isForeign = isForeign || !value.isNull
        case "max_output_tokens":
            isForeign = try Field.whole(name, value, 1...Int64(Int32.max)) != nil || isForeign
        case "reasoning": isForeign = isForeign || value["effort"]?.kind == .string
        case "text": isForeign = isForeign || value.kind == .object
        default: try read(generation: name, value)
        }
    }

    /// Members that chat and text completions share.
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
            guard reader.count < RequestShape.messagesMax else { throw Self.messagesBound }
            try reader.read(message)
        }
        guard reader.count > 0 else { throw Self.messagesBound }
        hasInput = true
        isForeign = isForeign || reader.foreignPart != nil
        facts.hasImages = reader.images > 0
        facts.media = reader.media.mapValues(\.place)
        traits = reader.traits
        size.images = reader.images
        size.documents = reader.media[.document]?.count ?? 0
        size.audioClips = reader.media[.audio]?.count ?? 0
        size.videos = reader.media[.video]?.count ?? 0
        foreignPart = reader.foreignPart
        size.textBytes -= reader.dataBytes
    }

    private static var messagesBound: GatewayError {
        invalid("messages", "messages must hold 1 to \(RequestShape.messagesMax) messages.")
    }

    private static func holds(more max: Int, _ list: JSONView) -> Bool {
        var elements = list.elements
        for _ in 0..<max where elements.next() == nil { return false }
        return elements.next() != nil
    }
}
