internal import GatewayModel
internal import JSONScan

/// `POST /v1/embeddings` (OpenAI API reference, "Create embeddings").
extension InferenceRequest {
    static let dimensionsMax: Int64 = 65_536

    mutating func read(embedding name: String, _ value: JSONView) throws(GatewayError) {
        switch name {
        case "input": try read(texts: value, name)
        case "dimensions": _ = try Field.whole(name, value, 1...Self.dimensionsMax)
        case "encoding_format":
            guard value.isNull || value.isText("float") || value.isText("base64") else {
                throw Self.invalid(name, "encoding_format must be float or base64.")
            }
            wantsBase64 = value.isText("base64")
        case "stream":
            guard try !Field.flag(name, value) else { throw Self.invalid(name, "Embeddings are not streamed.") }
        default: break
        }
    }
}
