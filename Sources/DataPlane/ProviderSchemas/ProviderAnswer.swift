package import GatewayModel
package import JSONScan

/// What the gateway must know of a complete, not streamed, answer in OpenAI's format.
package struct ProviderAnswer: Sendable {
    package let members: [JSONMember]
    package private(set) var model: String?
    package private(set) var usage: ProviderUsage?
    package private(set) var errorMessage: String?
    /// Choices, embeddings or images.
    package private(set) var results = 0
    /// Where the list of them stands.
    package private(set) var resultsPlace: Range<Int>?
    /// The bytes of generated text, counted only when the provider reports no usage that can be charged.
    package private(set) var contentBytes: Int64 = 0

    package init(_ body: [UInt8], for operation: Operation) throws(JSONFlaw) {
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
                    usage = OpenAIUsage.usage(value, of: operation)
                } else if JSONString.equals(name, "model") {
                    model = value.hasText ? value.string : nil
                } else if JSONString.equals(name, "error"), !value.isNull {
                    errorMessage = ProviderError.message(of: value)
                }
            }
            guard let list else { return }
            resultsPlace = list.range
            for result in list.elements {
                results += 1
                guard usage == nil else { continue }
                if let message = result["message"] { contentBytes += ChatChunk.contentBytes(of: message) }
                contentBytes += Int64(result["text"]?.content.count ?? 0)
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

/// The `error` member of an answer.
enum ProviderError {
    static func message(of error: JSONView) -> String {
        error["message"]?.string ?? error.string ?? "unspecified error"
    }
}
