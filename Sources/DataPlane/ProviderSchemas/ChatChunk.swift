package import JSONScan

/// What the relay must know of one chunk of a streamed completion, of chat or of text.
package struct ChatChunk: Sendable {
    package let bytes: [UInt8]
    package let members: [JSONMember]
    package private(set) var errorMessage: String?
    /// Whether a model's name stands in it, and where.
    package private(set) var modelPlace: Range<Int>?
    /// What a usage object says that is present and can be charged.
    package private(set) var usage: ProviderUsage?
    package private(set) var hasUsageMember = false
    package private(set) var hasChoices = false
    package private(set) var hasFinish = false
    /// Deltas that carry text, reasoning, a refusal or tool arguments.
    package private(set) var contentDeltas: Int64 = 0
    package private(set) var contentBytes: Int64 = 0

    /// - Parameter data: the data of one event.
    package init(_ data: [UInt8]) throws(JSONFlaw) {
        bytes = data
        members = try JSONScanner.members(of: data)
        let members = self.members
        data.withJSON { bytes in
            for member in members {
                let name = UnsafeBufferPointer(rebasing: bytes[member.name])
                let value = JSONView(bytes, member.value)
                if JSONString.equals(name, "choices") {
                    read(choices: value)
                } else if JSONString.equals(name, "model") {
                    // Some leave it empty in their first chunk: that is no name.
                    if value.hasText { modelPlace = member.value }
                } else if JSONString.equals(name, "usage") {
                    hasUsageMember = true
                    usage = OpenAIUsage.usage(value)
                } else if JSONString.equals(name, "error"), !value.isNull {
                    errorMessage = ProviderError.message(of: value)
                }
            }
        }
    }

    package var model: String? {
        modelPlace.flatMap { place in bytes.withJSON { JSONView($0, place).string } }
    }

    private mutating func read(choices: JSONView) {
        for choice in choices.elements {
            hasChoices = true
            var members = choice.members
            while let (name, value) = members.next() {
                if JSONString.equals(name, "delta") {
                    let size = Self.contentBytes(of: value)
                    if size > 0 { contentDeltas += 1 }
                    contentBytes += size
                } else if JSONString.equals(name, "text") {
                    if value.hasText { contentDeltas += 1 }
                    contentBytes += Int64(value.content.count)
                } else if JSONString.equals(name, "finish_reason"), value.kind == .string {
                    hasFinish = true
                }
            }
        }
    }

    /// The bytes of generated text in a delta or a message, as they stand in the JSON.
    static func contentBytes(of delta: JSONView) -> Int64 {
        var size = 0
        var members = delta.members
        while let (name, value) = members.next() {
            if isText(name) {
                size += value.content.count
            } else if JSONString.equals(name, "tool_calls") {
                for call in value.elements {
                    size += call["function"]?["arguments"]?.content.count ?? 0
                    size += call["function"]?["name"]?.content.count ?? 0
                }
            }
        }
        return Int64(size)
    }

    private static func isText(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        JSONString.equals(name, "content") || JSONString.equals(name, "reasoning_content")
            || JSONString.equals(name, "reasoning") || JSONString.equals(name, "refusal")
    }
}
