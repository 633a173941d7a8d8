package import JSONScan

/// What the gateway must know of a complete, not streamed, chat completion.
package struct ChatAnswer: Sendable {
    package let members: [JSONMember]
    package private(set) var model: String?
    package private(set) var usage: ProviderUsage?
    package private(set) var errorMessage: String?
    package private(set) var hasChoices = false
    /// The bytes of generated text, counted only when the provider reports no usage that can be charged.
    package private(set) var contentBytes: Int64 = 0

    package init(_ body: [UInt8]) throws(JSONFlaw) {
        members = try JSONScanner.members(of: body)
        let members = self.members
        body.withJSON { bytes in
            var choices: JSONView?
            for member in members {
                let name = UnsafeBufferPointer(rebasing: bytes[member.name])
                let value = JSONView(bytes, member.value)
                if JSONString.equals(name, "choices") {
                    choices = value
                } else if JSONString.equals(name, "usage") {
                    usage = OpenAIUsage.usage(value)
                } else if JSONString.equals(name, "model") {
                    model = value.hasText ? value.string : nil
                } else if JSONString.equals(name, "error"), !value.isNull {
                    errorMessage = ProviderError.message(of: value)
                }
            }
            guard let choices else { return }
            hasChoices = !choices.isEmpty
            guard usage == nil else { return }
            for choice in choices.elements {
                if let message = choice["message"] { contentBytes += ChatChunk.contentBytes(of: message) }
            }
        }
    }
}

/// The `error` member of an answer.
enum ProviderError {
    static func message(of error: JSONView) -> String {
        error["message"]?.string ?? error.string ?? "unspecified error"
    }
}
