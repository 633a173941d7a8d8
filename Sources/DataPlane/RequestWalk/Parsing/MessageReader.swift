internal import GatewayModel
internal import InboundFormats
internal import JSONScan
internal import PlaneContract
internal import Translation

/// Reads the messages of a request one by one: rejects invalid ones and counts what affects the cost.
struct MessageReader {
    private(set) var count = 0
    /// Media besides text, by kind: how many, and the place of the first.
    private(set) var media: [MediaKind: (count: Int64, place: String)] = [:]
    /// Bytes of media inside the body itself, which do not count as text.
    private(set) var dataBytes: Int64 = 0
    /// Traits of the messages that some providers need translated.
    private(set) var traits = MessageTraits(rawValue: 0)
    /// The place of the first part that only another API has.
    private(set) var foreignPart: String?

    var images: Int64 { media[.image]?.count ?? 0 }

    private struct Parts {
        var role: JSONView?
        var content: JSONView?
        var name: JSONView?
        var toolCallID: JSONView?
        var toolCalls: JSONView?
    }

    mutating func read(_ message: JSONView) throws(GatewayError) {
        let at = count
        count += 1
        guard message.kind == .object else { throw flaw(at, ".role", "is to be an object with a role") }
        var parts = Parts()
        var members = message.members
        while let (name, value) = members.next() {
            traits.record(name, value)
            if JSONString.equals(name, "role") {
                parts.role = value
            } else if JSONString.equals(name, "content") {
                parts.content = value
            } else if JSONString.equals(name, "name") {
                parts.name = value
            } else if JSONString.equals(name, "tool_call_id") {
                parts.toolCallID = value
            } else if JSONString.equals(name, "tool_calls") {
                parts.toolCalls = value
            }
        }
        try check(parts, at)
    }

    private mutating func check(_ parts: Parts, _ at: Int) throws(GatewayError) {
        guard let role = parts.role, let known = Self.role(role) else {
            throw flaw(at, ".role", "must be developer, system, user, assistant, tool or function")
        }
        if known == .tool, parts.toolCallID?.hasText != true {
            throw flaw(at, ".tool_call_id", "must name the call it answers")
        }
        if let name = parts.name, !name.isNull { try check(name: name, at) }
        try RequestShape.check(
            "messages[\(at)].tool_call_id", parts.toolCallID, bytesMax: RequestShape.callIDBytesMax)
        if let calls = parts.toolCalls, !calls.isNull { try check(calls: calls, at) }
        guard let content = parts.content, !content.isNull else {
            guard known == .assistant || known == .function else { throw flaw(at, ".content", "is required") }
            return
        }
        switch content.kind {
        case .string: return
        case .array: try read(parts: content, at)
        case .object, .number, .bool, .null: throw flaw(at, ".content", "must be text or an array of parts")
        }
    }

    private enum Role { case plain, assistant, tool, function }

    private static func role(_ value: JSONView) -> Role? {
        if value.isText("user") || value.isText("system") || value.isText("developer") { return .plain }
        if value.isText("assistant") { return .assistant }
        if value.isText("tool") { return .tool }
        return value.isText("function") ? .function : nil
    }

    private func check(name: JSONView, _ at: Int) throws(GatewayError) {
        guard let text = name.string, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
            throw flaw(at, ".name", "must be text without control characters")
        }
        try RequestShape.check("messages[\(at)].name", name, bytesMax: RequestShape.authorNameBytesMax)
    }

    private func check(calls: JSONView, _ at: Int) throws(GatewayError) {
        guard calls.kind == .array else { throw flaw(at, ".tool_calls", "must be an array") }
        for (number, call) in calls.elements.enumerated() {
            guard number < RequestShape.callsMax else {
                throw RequestShape.tooMany("messages[\(at)].tool_calls", RequestShape.callsMax, "calls")
            }
            guard call.kind == .object else { throw flaw(at, ".tool_calls[\(number)]", "must be an object") }
            guard let id = call["id"], id.hasText else { throw flaw(at, ".tool_calls[\(number)].id", "must be text") }
            // Smaller calls cannot exceed the bounds, and most are smaller.
            guard call.range.count > RequestShape.toolNameBytesMax else { continue }
            let place = "messages[\(at)].tool_calls[\(number)]"
            try RequestShape.check(place + ".id", id, bytesMax: RequestShape.callIDBytesMax)
            let name = call["function"]?["name"]
            try RequestShape.check(place + ".function.name", name, bytesMax: RequestShape.toolNameBytesMax)
        }
    }

    private mutating func read(parts: JSONView, _ at: Int) throws(GatewayError) {
        for (number, part) in parts.elements.enumerated() {
            guard number < RequestShape.partsMax else {
                throw RequestShape.tooMany("messages[\(at)].content", RequestShape.partsMax, "parts")
            }
            let place = ".content[\(number)]"
            guard part.kind == .object else { throw flaw(at, place, "must be an object with a type") }
            guard let type = part["type"], type.hasText else { throw flaw(at, place + ".type", "must be text") }
            if ContentPart.hasUnknownMembers(part) { traits.insert(.nonstandardParts) }
            try read(part, type, at, place)
        }
    }

    private mutating func read(
        _ part: JSONView, _ type: JSONView, _ at: Int, _ place: String
    ) throws(GatewayError) {
        if type.isText("text") {
            guard part["text"]?.kind == .string else { throw flaw(at, place + ".text", "must be text") }
        } else if type.isText("image_url") {
            try read(image: part["image_url"], at, place)
        } else if type.isText("file") {
            try read(file: part["file"], at, place)
        } else if type.isText("refusal") {
            return
        } else if let kind = Self.kinds.first(where: { type.isText($0.type) })?.kind {
            note(kind, at, place, dataBytes: part["input_audio"]?["data"]?.content.count ?? 0)
        } else if InboundPart.needsConversion(type) {
            foreignPart = foreignPart ?? "messages[\(at)]" + place
        } else {
            throw flaw(
                at, place + ".type",
                "must be text, image_url, file or refusal, or input_audio or video_url where a model takes it")
        }
    }

    /// Part types that are media whatever their content.
    private static let kinds: [(type: StaticString, kind: MediaKind)] = [
        ("input_audio", .audio), ("audio_url", .audio), ("video_url", .video), ("document_url", .document),
    ]

    private mutating func note(_ kind: MediaKind, _ at: Int, _ place: String, dataBytes bytes: Int) {
        media[kind, default: (0, "messages[\(at)]" + place)].count += 1
        dataBytes += Int64(bytes)
    }

    /// An image by its URL, which the provider fetches and the gateway never does, or as a data URL with its type.
    private mutating func read(image: JSONView?, _ at: Int, _ place: String) throws(GatewayError) {
        guard let image else { throw flaw(at, place + ".image_url", "is missing") }
        // Some clients send the URL itself.
        guard image.kind == .object || image.kind == .string else {
            throw flaw(at, place + ".image_url", "must be an object with a url")
        }
        let url = image.kind == .string ? image : image["url"]
        guard let url, let address = MediaAddress(url) else {
            throw flaw(at, place + ".image_url.url", "must be an http, https or data URL")
        }
        note(address.kind(as: .image), at, place, dataBytes: address.isData ? url.range.count : 0)
    }

    /// A file with its data. File IDs are refused: such a file could be anyone's, and of any size.
    private mutating func read(file: JSONView?, _ at: Int, _ place: String) throws(GatewayError) {
        guard let file, file.kind == .object else { throw flaw(at, place + ".file", "must be an object") }
        if let id = file["file_id"], !id.isNull {
            throw flaw(at, place + ".file.file_id", "is not supported: send the file itself, as file_data")
        }
        guard let data = file["file_data"], data.hasText else {
            throw flaw(at, place + ".file.file_data", "must be the file as a data URL")
        }
        traits.insert(.files)
        let address = MediaAddress(data)
        // Text has no more tokens than bytes, so it counts as text.
        if address?.isText == true { return }
        note(address?.kind(as: .document) ?? .document, at, place, dataBytes: data.range.count)
    }

    private func flaw(_ at: Int, _ place: String, _ what: String) -> GatewayError {
        let param = "messages[\(at)]" + place
        return InferenceRequest.invalid(param, "\(param) \(what).")
    }
}
