internal import Admission
internal import GatewayModel
internal import JSONScan

/// `POST /v1/images/generations` (OpenAI API reference, "Create image").
///
/// Images are returned inside the JSON only: the gateway stores no files that a URL could point to.
extension InferenceRequest {
    static let imagePromptCharactersMax = 32_000
    static let imagesMax: Int64 = 10

    mutating func read(image name: String, _ value: JSONView) throws(GatewayError) {
        switch name {
        case "quality": size.imageSpec?.quality = try Self.kind(name, value)
        case "size": size.imageSpec?.size = try Self.kind(name, value)
        case "prompt":
            guard value.hasText, Self.characters(of: value) <= Self.imagePromptCharactersMax else {
                throw Self.invalid(name, "prompt must be text of 1 to \(Self.imagePromptCharactersMax) characters.")
            }
            hasInput = true
        case "n": size.choices = try Field.whole(name, value, 1...Self.imagesMax) ?? 1
        case "response_format":
            guard value.isNull || value.isText("b64_json") else {
                throw Self.invalid(name, "response_format must be b64_json: images are answered in the JSON itself.")
            }
        case "stream":
            guard try !Field.flag(name, value) else { throw Self.invalid(name, "Images are not streamed.") }
        case "output_compression": _ = try Field.whole(name, value, 0...100)
        default: break
        }
    }

    /// Unicode scalars, as OpenAI counts them. Text with more bytes than the maximum can take is not decoded.
    private static func characters(of text: JSONView) -> Int {
        guard text.content.count <= imagePromptCharactersMax * 12 else { return .max }
        return JSONString.utf8(text.content).reduce(0) { $1 & 0xc0 == 0x80 ? $0 : $0 + 1 }
    }

    private static let kindBytesMax = 64

    /// A parameter that decides the price of an image; `nil` leaves the choice to the provider.
    private static func kind(_ name: String, _ value: JSONView) throws(GatewayError) -> String? {
        if value.isNull || value.isText("auto") { return nil }
        guard let text = value.string, !text.isEmpty, text.utf8.count <= kindBytesMax else {
            throw invalid(name, "\(name) must be text of 1 to \(kindBytesMax) bytes.")
        }
        return text
    }
}
