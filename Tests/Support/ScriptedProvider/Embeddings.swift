import Foundation

/// The answer to an embeddings request: vectors that can be computed from their texts.
struct Embeddings {
    let script: Script
    let request: ProviderRequest

    private var texts: [String] { request.input?.all ?? [] }

    /// Every text costs the script's `in` tokens.
    var promptTokens: Int { script.promptTokens * texts.count }

    /// Component `at` is `((sum of the text's bytes + 7 × at) modulo 251) / 256 - 0.5`: exact in single precision.
    private func vector(of text: String) -> [Float] {
        let sum = text.utf8.reduce(0) { $0 + Int($1) }
        return (0..<(request.dimensions ?? script.dimensions)).map { Float((sum + 7 * $0) % 251) / 256 - 0.5 }
    }

    var answer: String {
        let asBase64 = script.knowsBase64 && request.encoding_format == "base64"
        let items = texts.enumerated().map { index, text in
            "{\"object\":\"embedding\",\"index\":\(index),\"embedding\":"
                + (asBase64
                    ? base64(vector(of: text)) : "[\(vector(of: text).map(\.description).joined(separator: ","))]")
                + "}"
        }
        let usage = "{\"prompt_tokens\":\(promptTokens),\"total_tokens\":\(promptTokens)}"
        return "{\"object\":\"list\",\"data\":[\(items.joined(separator: ","))],\"model\":\"\(script.name)\""
            + (script.usage == "missing" ? "}" : ",\"usage\":\(usage)}")
    }

    private func base64(_ vector: [Float]) -> String {
        var data = Data()
        for number in vector { withUnsafeBytes(of: number.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
        return "\"\(data.base64EncodedString())\""
    }
}
