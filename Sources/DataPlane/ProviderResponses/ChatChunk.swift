package import JSONScan

/// What the relay must know about one chunk of a streamed completion, chat or text.
package struct ChatChunk: Sendable {
    /// Properties of a chunk that may need repair before every client can read it.
    package struct Traits: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// A delta has a role. Only the first delta of a choice may keep it: clients concatenate a repeated one.
        package static let role = Traits(rawValue: 1)
        package static let toolCalls = Traits(rawValue: 2)
        /// Content as a list of parts instead of text.
        package static let contentParts = Traits(rawValue: 4)
        /// A finish reason that is not one of OpenAI's.
        package static let nonstandardFinish = Traits(rawValue: 8)
        /// The finish reason `error`: the provider gave up.
        package static let failedFinish = Traits(rawValue: 16)
    }

    package let bytes: [UInt8]
    package let members: [JSONMember]
    package private(set) var errorMessage: String?
    /// The range of the model name, if the chunk has one.
    package private(set) var modelRange: Range<Int>?
    /// The chunk's usage, if it is sufficient for a charge.
    package private(set) var usage: ProviderUsage?
    /// Whether the usage was reported before any output, so that it covers the input only.
    package var usageIsPreview = false
    package private(set) var hasUsageMember = false
    package private(set) var hasChoices = false
    package private(set) var choicesRange: Range<Int>?
    package private(set) var hasFinish = false
    package private(set) var traits: Traits = []
    /// The number of deltas with text, reasoning, a refusal or tool arguments.
    package private(set) var contentDeltas: Int64 = 0
    package private(set) var contentBytes: Int64 = 0

    /// - Parameter data: the data of one event.
    package init(_ data: [UInt8], usage shape: UsageShape = .standard) throws(JSONError) {
        bytes = data
        members = try JSONScanner.members(of: data)
        let members = self.members
        data.withJSON { bytes in
            for member in members {
                let name = UnsafeBufferPointer(rebasing: bytes[member.name])
                let value = JSONView(bytes, member.value)
                if JSONString.equals(name, "choices") {
                    choicesRange = member.value
                    read(choices: value)
                } else if JSONString.equals(name, "model") {
                    // Some vendors send an empty name in the first chunk.
                    if value.hasText { modelRange = member.value }
                } else if JSONString.equals(name, "usage") {
                    hasUsageMember = true
                    usage = OpenAIUsage.usage(value, shape: shape) ?? usage
                } else if JSONString.equals(name, "x_groq") {
                    // Groq repeats its usage here, and reports its errors only here.
                    if usage == nil { usage = value["usage"].flatMap { OpenAIUsage.usage($0) } }
                    if let error = value["error"], !error.isNull { errorMessage = ProviderError.message(of: error) }
                } else if JSONString.equals(name, "error"), !value.isNull {
                    errorMessage = ProviderError.message(of: value)
                }
            }
        }
    }

    package var model: String? {
        modelRange.flatMap { range in bytes.withJSON { JSONView($0, range).string } }
    }

    private mutating func read(choices: JSONView) {
        for choice in choices.elements {
            hasChoices = true
            var members = choice.members
            while let (name, value) = members.next() {
                if JSONString.equals(name, "delta") {
                    read(delta: value)
                } else if JSONString.equals(name, "text") {
                    if value.hasText { contentDeltas += 1 }
                    contentBytes += Int64(value.content.count)
                } else if JSONString.equals(name, "finish_reason"), value.kind == .string {
                    read(finish: value)
                }
            }
        }
    }

    private mutating func read(delta: JSONView) {
        var size: Int64 = 0
        var members = delta.members
        while let (name, value) = members.next() {
            size += Self.contentBytes(of: name, value)
            if JSONString.equals(name, "role") {
                traits.insert(.role)
            } else if JSONString.equals(name, "tool_calls") {
                traits.insert(.toolCalls)
            } else if value.kind == .array, JSONString.equals(name, "content") {
                traits.insert(.contentParts)
            }
        }
        if size > 0 { contentDeltas += 1 }
        contentBytes += size
    }

    private mutating func read(finish: JSONView) {
        // Some vendors send "" instead of null.
        guard finish.hasText else { return traits.formUnion(.nonstandardFinish) }
        hasFinish = true
        if finish.isText("error") { return traits.formUnion(.failedFinish) }
        if !FinishReason.isStandard(finish) { traits.insert(.nonstandardFinish) }
    }

    /// Tokens assumed for the start and end of a tool call, which have no text. No vendor states a figure.
    private static let toolCallFrameTokens = 12

    /// An upper bound on the tokens of a delta or a message.
    ///
    /// It is the generated text in bytes of JSON, plus the frames of tool calls.
    static func contentBytes(of delta: JSONView) -> Int64 {
        var size: Int64 = 0
        var members = delta.members
        while let (name, value) = members.next() { size += contentBytes(of: name, value) }
        return size
    }

    private static func contentBytes(of name: UnsafeBufferPointer<UInt8>, _ value: JSONView) -> Int64 {
        if isText(name) { return Int64(value.content.count) }
        guard JSONString.equals(name, "tool_calls") else { return 0 }
        var size = 0
        for call in value.elements {
            size += call["function"]?["arguments"]?.content.count ?? 0
            // The name comes once, together with the frame of the call.
            if let name = call["function"]?["name"], name.hasText { size += name.content.count + toolCallFrameTokens }
        }
        return Int64(size)
    }

    private static func isText(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        JSONString.equals(name, "content") || JSONString.equals(name, "reasoning_content")
            || JSONString.equals(name, "reasoning") || JSONString.equals(name, "refusal")
    }
}
