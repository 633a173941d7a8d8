internal import ClientDialects
internal import GatewayModel
internal import JSONScan
internal import Translation

/// Reads the messages of a request one by one: refuses what is none, and counts what costs.
struct MessageReader {
    private(set) var count = 0
    private(set) var images: Int64 = 0
    /// Bytes of images that stand in the body itself: they are no text.
    private(set) var dataBytes: Int64 = 0
    /// What engines of some dialects may want otherwise.
    private(set) var traits: MessageTraits = []
    private(set) var hasForeignParts = false

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
            traits.note(name, value)
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
            guard known == .assistant || known == .function else { throw flaw(at, ".content", "must not be missing") }
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
            // Most calls are smaller than that, names and all.
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
            if type.isText("text") {
                guard part["text"]?.kind == .string else { throw flaw(at, place + ".text", "must be text") }
            } else if type.isText("image_url") {
                try read(image: part["image_url"], at, place + ".image_url")
            } else {
                hasForeignParts = hasForeignParts || ForeignPart.isForeign(type)
            }
        }
    }

    /// An image by its address. It is the provider who fetches it, never the gateway.
    private mutating func read(image: JSONView?, _ at: Int, _ place: String) throws(GatewayError) {
        guard let image else { throw flaw(at, place, "is missing") }
        // Some clients send the address itself.
        guard image.kind == .object || image.kind == .string else {
            throw flaw(at, place, "must be an object with a url")
        }
        let url = image.kind == .string ? image : image["url"]
        guard let url, let scheme = Self.scheme(of: url) else {
            throw flaw(at, place + ".url", "must be an http, https or data URL")
        }
        images += 1
        if scheme == .data { dataBytes += Int64(url.range.count) }
    }

    private enum Scheme { case web, data }

    private static func scheme(of url: JSONView) -> Scheme? {
        // Every byte of a scheme can be escaped to six; a data URL may be megabytes long.
        let head = UnsafeBufferPointer(rebasing: url.content.prefix(64))
        let text = JSONString.unescaped(head).lowercased()
        if text.hasPrefix("data:") { return .data }
        return text.hasPrefix("https://") || text.hasPrefix("http://") ? .web : nil
    }

    private func flaw(_ at: Int, _ place: String, _ what: String) -> GatewayError {
        let param = "messages[\(at)]" + place
        return InferenceRequest.invalid(param, "\(param) \(what).")
    }
}
