internal import GatewayModel
internal import KeyMaterial

/// What a head must be like before anything is looked up.
extension RequestHead {
    func checkContent(for endpoint: Endpoint, bodyBytesMax: Int) throws(GatewayError) {
        guard endpoint.operation != nil else {
            guard !hasBody else { throw GatewayError(.invalidRequest, "This request takes no body.") }
            return
        }
        if let length = contentLength, length > bodyBytesMax { throw .bodyTooLarge(bytesMax: bodyBytesMax) }
        if contentType != "application/json", !Self.isJSON(contentType ?? "") {
            throw GatewayError(.unsupportedMediaType, "Send the body as Content-Type: application/json, in UTF-8.")
        }
        if let encoding = contentEncoding, encoding != "", encoding.lowercased() != "identity" {
            throw GatewayError(.unsupportedMediaType, "Compressed request bodies are not accepted.")
        }
    }

    /// Accepts `application/json` with any parameters except another charset (RFC 9110 §8.3.1).
    private static func isJSON(_ type: String) -> Bool {
        let parts = type.lowercased().split(separator: ";", omittingEmptySubsequences: false).map {
            Substring($0.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        }
        guard parts[0] == "application/json" else { return false }
        let charsets = parts.dropFirst().filter { $0.hasPrefix("charset=") }.map { $0.dropFirst("charset=".count) }
        return charsets.allSatisfy { ["utf-8", "utf8", "\"utf-8\"", "\"utf8\""].contains($0) }
    }

    /// The key from `Authorization`, else from `api-key` or `x-api-key`, which clients of other APIs use.
    func key() throws(GatewayError) -> HubKey {
        guard let value = authorization else {
            guard let first = apiKeys.first else {
                throw .unauthorized("No key was sent. Use the header 'Authorization: Bearer sk-hub-…'.")
            }
            guard apiKeys.allSatisfy({ $0 == first }) else { throw Self.twoKeys }
            return try Self.key(first)
        }
        let words = value.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer" else {
            throw .unauthorized("The Authorization header must read 'Bearer sk-hub-…'.")
        }
        // With two gateway keys it is unclear whose budget pays. Keys of other services in these headers are ignored.
        guard apiKeys.allSatisfy({ $0 == words[1] || !$0.hasPrefix(HubKey.prefix) }) else { throw Self.twoKeys }
        return try Self.key(String(words[1]))
    }

    private static var twoKeys: GatewayError {
        .unauthorized("The headers name two different keys. Send one: 'Authorization: Bearer sk-hub-…'.")
    }

    private static func key(_ text: String) throws(GatewayError) -> HubKey {
        do throws(HubKey.ParseError) {
            return try HubKey(parsing: text)
        } catch {
            switch error {
            case .notAHubKey: throw .unauthorized("This is not a key of this gateway: its keys start with sk-hub-.")
            case .mistyped: throw .unauthorized("The key is mistyped (its checksum does not match). Copy it again.")
            }
        }
    }
}
