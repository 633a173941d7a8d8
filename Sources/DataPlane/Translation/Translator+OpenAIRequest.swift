internal import GatewayModel
internal import JSONScan
internal import PlaneContract

/// Builds requests for OpenAI-compatible vendors from the client's bytes.
///
/// It sets the upstream name of the model, requests usage, sets the output limit under the one name this vendor reads
/// (so that it cannot read a larger one than the hold covers), and drops what the vendor refuses.
extension Translator {
    func openAIBody(
        of request: ClientRequest, outputTokens: Int64?, _ promptCacheKey: (([UInt8]) -> String)?
    ) throws(GatewayError) -> [UInt8] {
        guard request.choices == 1 || dialect.supportsMultipleChoices || request.operation != .chat else {
            throw Self.unsupported("n", "This model returns one choice per request; omit n.")
        }
        if !dialect.supportsSchemas, request.operation == .chat, asksForSchema(request) {
            throw Self.schemasUnsupported
        }
        if dialect.billsFilesSeparately, request.traits.contains(.files) { throw Self.filesUnsupported }
        var splice = JSONSplice(request.body, request.members)
        splice.set("model", json: quotedModel)
        try request.body.withJSON { bytes throws(GatewayError) in
            try filter(request, bytes, &splice)
            guard request.operation == .chat else { return }
            if let promptCacheKey { setPromptCacheKey(by: promptCacheKey, request, bytes, &splice) }
            try keepClientTools(request, bytes, &splice)
            if !request.traits.isDisjoint(with: dialect.messages.triggers),
                let messages = request.member("messages", in: bytes),
                let rewritten = dialect.messages.rewritten(messages)
            {
                splice.set("messages", json: rewritten)
            }
            if dialect.cleansSchemas { cleanSchemas(request, bytes, &splice) }
        }
        if request.operation == .image { setImageFormat(&splice) }
        if request.streams { setStreamOptions(request, &splice) }
        if dialect.tokenLimit == .separateThinking, request.operation == .chat {
            splitLimit(request, outputTokens ?? model.maxOutputTokens, &splice)
        } else if let outputTokens, request.operation == .chat || request.operation == .completion {
            setLimit(outputTokens, request.operation, &splice)
        }
        return splice.result()
    }

    private func setLimit(_ tokens: Int64, _ operation: Operation, _ splice: inout JSONSplice) {
        let isNewer =
            switch dialect.tokenLimit {
            case .byModel: model.wantsMaxCompletionTokens
            case .maxCompletionTokens: true
            case .maxTokens, .separateThinking: false
            }
        if isNewer, operation == .chat {
            splice.set("max_completion_tokens", json: Self.digits(tokens))
            splice.remove("max_tokens")
        } else {
            splice.set("max_tokens", json: Self.digits(tokens))
            splice.remove("max_completion_tokens")
        }
    }

    static func digits(_ number: Int64) -> [UInt8] {
        var text: [UInt8] = []
        text.append(decimal: number)
        return text
    }

    /// DALL·E and its imitators return a URL unless asked for the data; later models refuse the parameter.
    private func setImageFormat(_ splice: inout JSONSplice) {
        let isOld = upstreamModel.hasPrefix("dall-e") || model.name.hasPrefix("dall-e")
        if isOld || dialect.asksForImageData {
            splice.set("response_format", json: Array("\"b64_json\"".utf8))
        } else {
            splice.remove("response_format")
        }
    }

    private func asksForSchema(_ request: ClientRequest) -> Bool {
        request.body.withJSON {
            request.member("response_format", in: $0)?["type"]?.isText("json_schema") == true
        }
    }

    /// Members that reasoning models refuse, even with harmless values.
    private static let sampling = NameSet([
        "temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias",
    ])
    private static let toolFields = NameSet(["tools", "tool_choice", "parallel_tool_calls"])

    /// Applies the dialect's rules to every member.
    private func filter(
        _ request: ClientRequest, _ bytes: UnsafeBufferPointer<UInt8>, _ splice: inout JSONSplice
    ) throws(GatewayError) {
        let rules = dialect.rules(for: request.operation)
        let reasons = model.wantsMaxCompletionTokens && request.operation == .chat
        let hasTools = !dialect.dropsEmpty || request.member("tools", in: bytes)?.isEmpty == false
        for (at, member) in request.members.enumerated() {
            let name = UnsafeBufferPointer(rebasing: bytes[member.name])
            let value = JSONView(bytes, member.value)
            if let refusal = rules.refusal(of: name, value) { throw refusal }
            if let rename = dialect.renames.first(where: { JSONString.equals(name, $0.from) }) {
                splice.remove(at: at)
                if request.member(rename.to, in: bytes) == nil, !value.isNull {
                    splice.set(rename.to, json: Array(value.raw))
                }
                continue
            }
            guard rules.pass.contains(name) else {
                if let shape = rules.shape(of: name), let kept = shape.kept(of: value) {
                    splice.set(at: at, json: kept)
                } else {
                    splice.remove(at: at)
                }
                continue
            }
            let isRefused =
                dialect.dropsEmpty && value.isNull
                || reasons && (Self.sampling.contains(name) || dialect.refusedByReasoningModels.contains(name))
                || !hasTools && Self.toolFields.contains(name)
            if isRefused { splice.remove(at: at) }
        }
        for (name, json) in rules.fixed { splice.set(name, json: Array("\(json)".utf8)) }
    }

    /// How much of a client's `prompt_cache_key` tells its prompts apart; OpenAI takes 64 characters.
    private static let promptCacheKeyBytesMax = 1_024

    /// Gives each org its own names at the vendor, so that none learns of, or is billed for, another org's prompts.
    private func setPromptCacheKey(
        by name: ([UInt8]) -> String, _ request: ClientRequest, _ bytes: UnsafeBufferPointer<UInt8>,
        _ splice: inout JSONSplice
    ) {
        let clientKey = request.member("prompt_cache_key", in: bytes).flatMap {
            $0.isNull ? nil : Array($0.raw.prefix(Self.promptCacheKeyBytesMax))
        }
        switch dialect.promptCacheKey {
        case .none: return
        case .replaced: if clientKey == nil { return }
        case .always: break
        }
        splice.set("prompt_cache_key", json: Array("\"\(name(clientKey ?? []))\"".utf8))
    }

    private func keepClientTools(
        _ request: ClientRequest, _ bytes: UnsafeBufferPointer<UInt8>, _ splice: inout JSONSplice
    ) throws(GatewayError) {
        if let choice = request.member("tool_choice", in: bytes) { try ClientTools.check(choice: choice) }
        guard let tools = request.member("tools", in: bytes),
            let kept = try ClientTools.kept(tools, keepsMarkers: !dialect.messages.stripsCacheMarkers)
        else { return }
        splice.set("tools", json: kept)
    }

    private static let usage = Array(#"{"include_usage":true}"#.utf8)
    private static let usageWithoutPadding = Array(#"{"include_usage":true,"include_obfuscation":false}"#.utf8)

    private func setStreamOptions(_ request: ClientRequest, _ splice: inout JSONSplice) {
        switch dialect.streamOptions {
        case .none: break
        case .usageOnly: splice.set("stream_options", json: Self.usage)
        // Only Chat Completions pads its streams.
        case .withoutPadding:
            splice.set("stream_options", json: request.operation == .chat ? Self.usageWithoutPadding : Self.usage)
        }
    }

    /// Reduces the schemas of tools and of the response format to the vendor's subset.
    private func cleanSchemas(
        _ request: ClientRequest, _ bytes: UnsafeBufferPointer<UInt8>, _ splice: inout JSONSplice
    ) {
        if let tools = request.member("tools", in: bytes), !tools.isEmpty {
            let cleaned = tools.elements.filter(ClientTools.isClientTool).map { tool in
                JSONTree.object(JSONTree(tool).members.filter { ClientTools.isKnown($0.name) }).replacing("function") {
                    $0.replacing("parameters") { SchemaCleaner.gemini($0) }.without("strict")
                }
            }
            splice.set("tools", json: JSONTree.array(cleaned).bytes)
        }
        if let format = request.member("response_format", in: bytes), format["json_schema"] != nil {
            let cleaned = JSONTree(format).replacing("json_schema") {
                $0.replacing("schema") { SchemaCleaner.gemini($0) }
            }
            splice.set("response_format", json: cleaned.bytes)
        }
    }
}

extension JSONTree {
    /// The object with one member changed, if it has that member.
    func replacing(_ name: String, _ change: (JSONTree) -> JSONTree) -> JSONTree {
        .object(members.map { $0.name == name ? ($0.name, change($0.value)) : $0 })
    }

    func without(_ name: String) -> JSONTree { .object(members.filter { $0.name != name }) }

    /// The object with one member set, in its place or at the end.
    func setting(_ name: String, _ value: JSONTree) -> JSONTree {
        self[name] == nil ? .object(members + [(name, value)]) : replacing(name) { _ in value }
    }
}
