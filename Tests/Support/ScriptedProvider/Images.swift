import Foundation

/// The answer to an image request: bytes in base64, and usage in tokens as the gpt-image models report it.
struct Images {
    let script: Script
    let request: ProviderRequest

    var count: Int { request.n ?? 1 }
    var outputTokens: Int { script.completionTokens(limit: nil) * count }

    func answer(created: Int) -> String {
        let picture = Data((0..<script.imageBytes).map { UInt8(truncatingIfNeeded: $0) }).base64EncodedString()
        let items = (0..<count).map { _ in "{\"b64_json\":\"\(picture)\"}" }
        let usage =
            "{\"input_tokens\":\(script.promptTokens),\"output_tokens\":\(outputTokens),"
            + "\"total_tokens\":\(script.promptTokens + outputTokens),"
            + "\"input_tokens_details\":{\"text_tokens\":\(script.promptTokens),\"image_tokens\":0}}"
        return "{\"created\":\(created),\"data\":[\(items.joined(separator: ","))]"
            + (script.usage == "missing" ? "}" : ",\"usage\":\(usage)}")
    }
}
