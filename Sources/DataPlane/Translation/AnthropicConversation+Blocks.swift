internal import FoundationEssentials
internal import GatewayModel
internal import JSONScan

/// Translates the content of one message into blocks.
extension AnthropicConversation {
    mutating func blocks(of message: JSONView, _ at: Int) throws(GatewayError) -> [JSONTree] {
        guard let content = message["content"], !content.isNull else { return [] }
        if content.kind == .string {
            guard Self.isVisible(content) else { return [] }
            return [marked(Self.textBlock(content), by: message)]
        }
        var out: [JSONTree] = []
        for (number, part) in content.elements.enumerated() {
            let path = "messages[\(at)].content[\(number)]"
            if let block = try block(part, path) { out.append(marked(block, by: part)) }
        }
        if let last = out.popLast() { out.append(marked(last, by: message)) }
        return out
    }

    private mutating func marked(_ block: JSONTree, by holder: JSONView) -> JSONTree {
        guard block["cache_control"] == nil, let marker = useMarker(holder) else { return block }
        return block.setting("cache_control", marker)
    }

    static func textBlock(_ text: JSONView) -> JSONTree {
        .object(["type": .text("text"), "text": JSONTree(text)])
    }

    /// Whether the text has more than white space: Anthropic refuses blank text blocks.
    private static func isVisible(_ text: JSONView) -> Bool {
        guard text.hasText else { return false }
        // The first byte nearly always decides.
        if let first = text.content.first, first != 0x5c, first > 0x20, first < 0x80 { return true }
        return text.string?.contains { !$0.isWhitespace } ?? false
    }

    /// - Returns: `nil` for an empty part.
    private func block(_ part: JSONView, _ path: String) throws(GatewayError) -> JSONTree? {
        guard let type = part["type"] else { return nil }
        if type.isText("text") || type.isText("refusal") {
            guard let text = part["text"] ?? part["refusal"], Self.isVisible(text) else { return nil }
            return Self.textBlock(text)
        }
        if type.isText("image_url"), let image = part["image_url"] {
            return try Self.image(image.kind == .string ? image : image["url"], path)
        }
        if type.isText("file"), let file = part["file"] { return try Self.document(file, path) }
        throw Translator.unsupported(
            path + ".type", "\(path) has a type that this model does not accept.")
    }

    private static func image(_ url: JSONView?, _ path: String) throws(GatewayError) -> JSONTree {
        guard let url, url.hasText else {
            throw Translator.unsupported(path, "\(path) has no image.")
        }
        if let data = DataURL(url) {
            return .object([
                "type": .text("image"),
                "source": .object([
                    "type": .text("base64"), "media_type": .text(data.mediaType),
                    "data": .text(between: data.base64),
                ]),
            ])
        }
        guard url.string?.lowercased().hasPrefix("http") == true else {
            throw Translator.unsupported(path, "\(path) must be an http(s) URL, or a data URL in base64.")
        }
        return .object([
            "type": .text("image"), "source": .object(["type": .text("url"), "url": JSONTree(url)]),
        ])
    }

    private static func document(_ file: JSONView, _ path: String) throws(GatewayError) -> JSONTree {
        guard let fileData = file["file_data"], let data = DataURL(fileData) else {
            throw Translator.unsupported(path, "\(path) must have file_data, a data URL in base64.")
        }
        let title = file["filename"].flatMap { $0.hasText ? JSONTree($0) : nil }
        if data.mediaType == "application/pdf" {
            return .object([
                "type": .text("document"),
                "source": .object([
                    "type": .text("base64"), "media_type": .text(data.mediaType),
                    "data": .text(between: data.base64),
                ]), "title": title,
            ])
        }
        guard data.mediaType.hasPrefix("text/"), let plain = Data(base64Encoded: Data(data.base64)),
            let text = String(validating: plain, as: UTF8.self)
        else {
            throw Translator.unsupported(path, "\(path) must be a PDF or text in UTF-8.")
        }
        return .object([
            "type": .text("document"),
            "source": .object(["type": .text("text"), "media_type": .text("text/plain"), "data": .text(text)]),
            "title": title,
        ])
    }
}

/// `data:image/png;base64,…` (RFC 2397), in base64 only.
struct DataURL {
    let mediaType: String
    let base64: [UInt8]

    /// A data URL may be megabytes long, so it is only unescaped if it contains a backslash.
    init?(_ url: JSONView) {
        let content = url.content
        let raw: [UInt8] =
            content.prefix(64).contains(0x5c) || content.contains(0x5c) ? Array((url.string ?? "").utf8) : []
        func cut(_ bytes: some Collection<UInt8>) -> (String, [UInt8])? {
            guard let comma = bytes.prefix(256).firstIndex(of: UInt8(ascii: ",")) else { return nil }
            let head = String(decoding: bytes[..<comma], as: UTF8.self).lowercased()
            guard head.hasPrefix("data:"), head.hasSuffix(";base64") else { return nil }
            let type = head.dropFirst("data:".count).prefix { $0 != ";" }
            return (String(type), Array(bytes[bytes.index(after: comma)...]))
        }
        guard let (type, data) = raw.isEmpty ? cut(content) : cut(raw), !type.isEmpty else { return nil }
        mediaType = type
        base64 = data
    }
}
