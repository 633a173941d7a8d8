package import GatewayModel
package import JSONScan

/// What the gateway must know about a complete response, not streamed, in OpenAI's format.
package struct ProviderResponse: Sendable {
    /// Bound on the stored model name in bytes, since chunks, events and errors repeat it.
    package static let modelBytesMax = 256

    package let members: [JSONMember]
    package private(set) var model: String?
    package private(set) var usage: ProviderUsage?
    package private(set) var usageRange: Range<Int>?
    package private(set) var errorMessage: String?
    /// The number of choices, embeddings or images.
    package private(set) var results = 0
    /// The range of their list.
    package private(set) var resultsRange: Range<Int>?
    /// Bytes of generated text, counted only when the provider reports no usable usage.
    package private(set) var contentBytes: Int64 = 0
    /// Whether it has content as a list of parts, or a finish reason that is not one of OpenAI's.
    package private(set) var needsRepair = false

    /// - Parameters:
    ///   - body: the body of a 200.
    ///   - shape: what the vendor counts in its usage.
    /// - Throws: `JSONError` when the body is not a valid JSON object.
    package init(
        _ body: [UInt8], for operation: Operation, usage shape: UsageShape = .standard
    ) throws(JSONError) {
        members = try JSONScanner.members(of: body)
        let members = self.members
        body.withJSON { bytes in
            var list: JSONView?
            for member in members {
                let name = UnsafeBufferPointer(rebasing: bytes[member.name])
                let value = JSONView(bytes, member.value)
                if JSONString.equals(name, Self.listName(of: operation)) {
                    list = value
                } else if JSONString.equals(name, "usage") {
                    usageRange = member.value
                    usage = OpenAIUsage.usage(value, of: operation, shape: shape)
                } else if JSONString.equals(name, "model") {
                    model = value.hasText ? value.string : nil
                } else if JSONString.equals(name, "error"), !value.isNull {
                    errorMessage = ProviderError.message(of: value)
                }
            }
            guard let list else { return }
            resultsRange = list.range
            for result in list.elements { read(result, operation) }
        }
    }

    /// Whether the provider reports no usage; all zeros count as none.
    private var isUncounted: Bool { usage.map { $0.tokens.total == 0 } ?? true }

    private mutating func read(_ result: JSONView, _ operation: Operation) {
        results += 1
        guard operation == .chat || operation == .completion else { return }
        var members = result.members
        while let (name, value) = members.next() {
            if JSONString.equals(name, "message") {
                if isUncounted { contentBytes += ChatChunk.contentBytes(of: value) }
                if value["content"]?.kind == .array { needsRepair = true }
            } else if JSONString.equals(name, "text") {
                if isUncounted { contentBytes += Int64(value.content.count) }
            } else if JSONString.equals(name, "finish_reason"), value.kind == .string {
                // OpenRouter reports a failure of the vendor behind it inside the choice.
                if value.isText("error") { errorMessage = result["error"].map(ProviderError.message) ?? "error" }
                if !FinishReason.isStandard(value) { needsRepair = true }
            }
        }
    }

    private static func listName(of operation: Operation) -> StaticString {
        switch operation {
        case .chat, .completion: "choices"
        case .embedding, .image: "data"
        }
    }
}

/// The `error` member of a response.
enum ProviderError {
    static func message(of error: JSONView) -> String {
        ErrorText.cleaned(error["message"]?.string ?? error.string ?? "unspecified error")
    }
}
