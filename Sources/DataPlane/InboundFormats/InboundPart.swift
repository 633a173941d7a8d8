internal import GatewayModel
package import JSONScan

/// Translates content parts that OpenAI's chat completions do not have.
package enum InboundPart {
    /// Part types of Responses, then of Anthropic's Messages.
    private static let types: [StaticString] = [
        "input_text", "output_text", "input_image", "input_file", "image", "tool_use", "tool_result", "thinking",
        "redacted_thinking",
    ]

    /// Whether a part of this `type` must be translated.
    package static func needsConversion(_ type: JSONView) -> Bool {
        types.contains(where: type.isText)
    }

    /// Translates content: text is copied, parts are translated one by one.
    ///
    /// A single text part becomes plain text, which every provider accepts.
    ///
    /// - Parameter place: the content's path in error messages, such as `input[0].content`.
    static func write(content: JSONView, _ place: String, to out: inout [UInt8]) throws(GatewayError) {
        switch content.kind {
        case .string, .null: return out += content.raw
        case .array: break
        case .object, .number, .bool: throw InboundChat.invalid(place, "must be text or an array of parts")
        }
        try write(simplest: content.elements.enumerated().map { ($0, $1) }, place, to: &out)
    }

    /// Writes a single text part as plain text, anything else as parts.
    static func write(
        simplest parts: [(at: Int, part: JSONView)], _ place: String, to out: inout [UInt8]
    ) throws(GatewayError) {
        guard parts.count == 1, isText(parts[0].part), let text = parts[0].part["text"], text.kind == .string else {
            return try write(parts, place, to: &out)
        }
        out += text.raw
    }

    static func write(_ parts: [(at: Int, part: JSONView)], _ place: String, to out: inout [UInt8]) throws(GatewayError)
    {
        out.append("[")
        for (number, part) in parts.enumerated() {
            if number > 0 { out.append(",") }
            try write(part.part, "\(place)[\(part.at)]", to: &out)
        }
        out.append("]")
    }

    private static func isText(_ part: JSONView) -> Bool {
        guard let type = part["type"] else { return false }
        return type.isText("text") || type.isText("input_text") || type.isText("output_text")
    }

    static func write(_ part: JSONView, _ place: String, to out: inout [UInt8]) throws(GatewayError) {
        guard let type = part["type"] else { throw InboundChat.invalid(place + ".type", "must be text") }
        if type.isText("input_text") || type.isText("output_text") {
            guard let text = part["text"], text.kind == .string else {
                throw InboundChat.invalid(place + ".text", "must be text")
            }
            out.append(#"{"type":"text","text":"#)
            out += text.raw
            out.append("}")
        } else if type.isText("input_image") {
            guard let url = part["image_url"], url.kind == .string else {
                throw InboundChat.invalid(place + ".image_url", "must be an http, https or data URL")
            }
            out.append(#"{"type":"image_url","image_url":{"url":"#)
            out += url.raw
            if let detail = part["detail"], detail.kind == .string {
                out.append(",\"detail\":")
                out += detail.raw
            }
            out.append("}}")
        } else if type.isText("input_file") {
            guard part["file_data"]?.hasText == true || part["file_id"]?.hasText == true else {
                throw InboundChat.invalid(place, "must hold file_data or a file_id")
            }
            out.append(#"{"type":"file","file":{"#)
            out.append(members: ["filename", "file_data", "file_id"], of: part)
            out.append("}}")
        } else if type.isText("image") {
            try write(image: part["source"], place, to: &out)
        } else {
            out += part.raw
        }
    }

    /// Translates Anthropic's image block: base64 data or a URL.
    private static func write(image source: JSONView?, _ place: String, to out: inout [UInt8]) throws(GatewayError) {
        out.append(#"{"type":"image_url","image_url":{"url":"#)
        if let url = source?["url"], url.kind == .string {
            out += url.raw
        } else if let kind = source?["media_type"], kind.hasText, let data = source?["data"], data.hasText {
            out.append("\"data:")
            out += kind.content
            out.append(";base64,")
            out += data.content
            out.append("\"")
        } else {
            throw InboundChat.invalid(place + ".source", "must hold a url, or a media_type and data")
        }
        out.append("}}")
    }
}
