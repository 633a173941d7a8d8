internal import GatewayModel
internal import JSONScan
internal import PlaneContract

/// Translates a chat request to Anthropic's Messages format (Anthropic API reference, "Create a Message").
///
/// The body is built from known members. What Anthropic has no counterpart for is dropped; what would change the
/// meaning of the response is refused.
extension Translator {
    func anthropicBody(of request: ClientRequest, outputTokens: Int64) throws(GatewayError) -> [UInt8] {
        let model = self.model
        let claude = self.claude
        let quotedModel = self.quotedModel
        return try request.body.withJSON { bytes throws(GatewayError) in
            var translation = OpenAIChatToAnthropic(
                request: request, bytes: bytes, claude: claude, outputTokens: outputTokens,
                outputTokensCap: model.maxOutputTokens)
            return try translation.body(quotedModel: quotedModel)
        }
    }
}

struct OpenAIChatToAnthropic {
    let request: ClientRequest
    let bytes: UnsafeBufferPointer<UInt8>
    let claude: ClaudeModel
    let outputTokens: Int64
    /// The model's output limit.
    let outputTokensCap: Int64
    var conversation = AnthropicConversation()

    func member(_ name: StaticString) -> JSONView? { request.member(name, in: bytes) }

    mutating func body(quotedModel: [UInt8]) throws(GatewayError) -> [UInt8] {
        try refuseUnsupported()
        if let messages = member("messages") { try conversation.read(messages) }
        let tools = try AnthropicTools(
            tools: member("tools"), choice: member("tool_choice"), parallel: member("parallel_tool_calls"),
            usedBefore: conversation.toolsUsed, markersLeft: conversation.cacheMarkersLeft)
        let thinking = thinking(tools)
        let format = try format()
        var out: [(name: String, value: JSONTree)] = [
            ("model", .scalar(quotedModel)), ("max_tokens", .number(outputTokens)),
        ]
        let system = conversation.system + instruction()
        if !system.isEmpty { out.append(("system", .array(system))) }
        out.append(("messages", try conversation.messages()))
        if let definitions = tools.definitions { out.append(("tools", definitions)) }
        if let choice = tools.choice { out.append(("tool_choice", choice)) }
        if let thinking = thinking.mode { out.append(("thinking", thinking)) }
        let output = [("effort", thinking.effort.map { JSONTree.text($0) }), ("format", format)]
            .compactMap { name, value in value.map { (name: name, value: $0) } }
        if !output.isEmpty { out.append(("output_config", .object(output))) }
        out += sampling(isThinking: thinking.isOn)
        if let stops = stops() { out.append(("stop_sequences", stops)) }
        // Absence would mean `auto`: the more expensive priority tier, if the operator's account has it.
        out.append(("service_tier", .text("standard_only")))
        if request.streams { out.append(("stream", .bool(true))) }
        return JSONTree.object(out).bytes
    }

    private func refuseUnsupported() throws(GatewayError) {
        guard request.choices == 1 else {
            throw Translator.unsupported("n", "This model returns one choice per request; omit n.")
        }
        for name in ["functions", "function_call"] as [StaticString] where member(name)?.isEmpty == false {
            throw Translator.unsupported("\(name)", "This model does not accept functions; use tools.")
        }
        let modalities = member("modalities").map { Array($0.elements) } ?? []
        guard modalities.allSatisfy({ $0.isText("text") }) else {
            throw Translator.unsupported("modalities", "Responses are text only; request \"text\" alone.")
        }
        if let choice = member("tool_choice") { try ClientTools.check(choice: choice) }
    }

    /// Anthropic's temperature is from 0 to 1. The other sampling parameters have no counterpart.
    private func sampling(isThinking: Bool) -> [(name: String, value: JSONTree)] {
        guard claude.sampling != .refused, !isThinking else { return [] }
        var out: [(name: String, value: JSONTree)] = []
        if let temperature = member("temperature"), let value = temperature.double {
            out.append(("temperature", value > 1 ? .number(1) : JSONTree(temperature)))
        }
        if let topP = member("top_p"), out.isEmpty || claude.sampling == .both { out.append(("top_p", JSONTree(topP))) }
        return out
    }

    private func stops() -> JSONTree? {
        guard let stop = member("stop") else { return nil }
        let all = stop.kind == .string ? [stop] : Array(stop.elements)
        let useful = all.filter { $0.string?.contains { !$0.isWhitespace } == true }
        return useful.isEmpty ? nil : .array(useful.map(JSONTree.init))
    }

    private func format() throws(GatewayError) -> JSONTree? {
        guard let format = member("response_format"), format["type"]?.isText("json_schema") == true else { return nil }
        guard let schema = format["json_schema"]?["schema"], schema.kind == .object else {
            throw Translator.unsupported("response_format", "response_format has no json_schema.schema.")
        }
        guard claude.supportsSchema else { throw Translator.schemasUnsupported }
        return .object(["type": .text("json_schema"), "schema": SchemaCleaner.anthropic(JSONTree(schema))])
    }

    /// Anthropic has no mode for JSON without a schema, so a system text asks for it.
    private func instruction() -> [JSONTree] {
        guard member("response_format")?["type"]?.isText("json_object") == true else { return [] }
        return [AnthropicConversation.text("Answer with one JSON object and nothing else.")]
    }
}
