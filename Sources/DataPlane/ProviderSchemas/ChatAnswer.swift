package import JSONScan

/// What the gateway must know of a complete, not streamed, chat completion.
package struct ChatAnswer: Sendable {
    package let members: [JSONMember]
    package private(set) var model: String?
    package private(set) var usage: JSONView?
    package private(set) var errorMessage: String?
    package private(set) var hasChoices = false
    /// The bytes of generated text, for counting when the provider reports no usage.
    package private(set) var contentBytes: Int64 = 0

    package init(_ body: [UInt8]) throws(JSONFlaw) {
        members = try JSONScanner.members(of: body)
        for member in members {
            let value = JSONView(body, member.value)
            switch member.name {
            case "error" where !value.isNull:
                errorMessage = value["message"]?.string ?? value.string ?? "unspecified error"
            case "model": model = value.string
            case "usage" where value.kind == .object: usage = value
            case "choices":
                var size: Int64 = 0
                value.forEachElement { choice in
                    if let message = choice["message"] { size += ChatChunk.contentBytes(of: message) }
                }
                contentBytes = size
                hasChoices = value.elementCount > 0
            default: break
            }
        }
    }
}
