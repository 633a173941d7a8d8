internal import Admission
internal import GatewayModel
internal import JSONScan
internal import Routing

/// `POST /v1/completions`, the older form of text completion (OpenAI API reference, "Create completion").
extension InferenceRequest {
    static let promptsMax = 2_048
    /// The API's default when a request sets no limit. It is set explicitly, because providers use other defaults.
    static let completionTokensDefault: Int64 = 16

    mutating func read(completion name: String, _ value: JSONView) throws(GatewayError) {
        switch name {
        case "prompt": try read(texts: value, name)
        case "n": size.choices = max(size.choices, try Field.whole(name, value, 1...Self.choicesMax) ?? 1)
        // All candidates are generated and billed, even if fewer are returned.
        case "best_of": size.choices = max(size.choices, try Field.whole(name, value, 1...20) ?? 1)
        case "logprobs": _ = try Field.whole(name, value, 0...5)
        case "echo": _ = try Field.flag(name, value)
        case "suffix":
            guard value.isNull || value.kind == .string else { throw Self.invalid(name, "suffix must be text.") }
        default: try read(generation: name, value)
        }
    }

    mutating func finishCompletion() {
        size.choices *= size.inputs
        size.outputTokensMax = maxTokens ?? Self.completionTokensDefault
    }

    /// The four forms of input: one text, several texts, one list of token IDs, or several lists.
    mutating func read(texts value: JSONView, _ name: String) throws(GatewayError) {
        hasInput = true
        if value.kind == .string {
            guard value.hasText else { throw Self.invalid(name, "\(name) must not be empty.") }
            return
        }
        guard value.kind == .array, let first = value.elements.first(where: { _ in true }) else {
            throw Self.invalid(name, "\(name) must be text, an array of texts, or token ids.")
        }
        if first.kind == .number {
            facts.hasTokenIDs = true
            return try Self.check(tokens: value, name)
        }
        var count = 0
        for element in value.elements {
            guard count < Self.promptsMax else {
                throw Self.invalid(name, "\(name) must hold at most \(Self.promptsMax) texts.")
            }
            guard element.kind == first.kind, element.hasText || !element.isEmpty else {
                throw Self.invalid("\(name)[\(count)]", "\(name)[\(count)] must be text that is not empty.")
            }
            switch element.kind {
            case .string: break
            case .array:
                facts.hasTokenIDs = true
                try Self.check(tokens: element, "\(name)[\(count)]")
            case .object, .number, .bool, .null:
                throw Self.invalid("\(name)[\(count)]", "\(name)[\(count)] must be text or token ids.")
            }
            count += 1
        }
        size.inputs = Int64(count)
    }

    private static func check(tokens value: JSONView, _ name: String) throws(GatewayError) {
        for token in value.elements where (token.integer ?? -1) < 0 {
            throw invalid(name, "\(name) must hold token ids, which are whole numbers.")
        }
    }
}
