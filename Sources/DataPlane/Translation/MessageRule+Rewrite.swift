internal import GatewayModel
internal import JSONScan

/// Rewrites messages into the form a vendor accepts. Whatever it accepts already keeps its bytes.
extension MessageRule {
    /// - Parameter messages: the array of a validated request.
    /// - Returns: the rewritten array; `nil` when nothing had to change.
    func rewritten(_ messages: JSONView) -> [UInt8]? {
        var out = Array("[".utf8)
        var hasChanged = false
        for message in messages.elements {
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            if let changed = rewritten(message: message) {
                hasChanged = true
                out += changed
            } else {
                out += message.raw
            }
        }
        out.append(UInt8(ascii: "]"))
        return hasChanged ? out : nil
    }

    private func rewritten(message: JSONView) -> [UInt8]? {
        var object = ObjectWriter()
        var refusal: JSONView?
        var hasContent = false
        var members = message.members
        while let (name, value) = members.next() {
            if !fields.contains(name) {
                if JSONString.equals(name, "refusal"), value.hasText { refusal = value }
                object.omit()
            } else if stripsCacheMarkers, Self.isCacheMarker(name) {
                object.omit()
            } else if JSONString.equals(name, "content") {
                if value.isNull, message["refusal"]?.hasText == true, !fields.contains("refusal") {
                    object.omit()
                    continue
                }
                hasContent = !value.isNull
                object.add(name, value, changed: value.kind == .array ? rewritten(parts: value) : nil)
            } else if renamesDeveloper, JSONString.equals(name, "role"), value.isText("developer") {
                object.add(name, value, changed: Array(#""system""#.utf8))
            } else if shortensCallIDs, JSONString.equals(name, "tool_call_id") {
                object.add(name, value, changed: value.string.flatMap(CallID.nineCharacters))
            } else if shortensCallIDs, JSONString.equals(name, "tool_calls") {
                object.add(name, value, changed: rewritten(calls: value))
            } else {
                object.add(name, value, changed: nil)
            }
        }
        // If the vendor does not know refusals, the text of one becomes content.
        if let refusal, !hasContent { object.add("content", refusal) }
        return object.result()
    }

    static func isCacheMarker(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        JSONString.equals(name, "cache_control") || JSONString.equals(name, "prompt_cache_breakpoint")
    }

    private func rewritten(parts: JSONView) -> [UInt8]? {
        if flattening == .text, let text = Self.flattened(parts) { return text }
        var out = Array("[".utf8)
        var hasChanged = false
        for part in parts.elements {
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            let changed = ContentPart.plain(part, stripsCacheMarkers: stripsCacheMarkers)
            hasChanged = hasChanged || changed != nil
            out += changed ?? Array(part.raw)
        }
        out.append(UInt8(ascii: "]"))
        return hasChanged ? out : nil
    }

    /// Joins text parts into one string, one line each; `nil` when there is any other part.
    static func flattened(_ parts: JSONView) -> [UInt8]? {
        var out: [UInt8] = [UInt8(ascii: "\"")]
        for part in parts.elements {
            guard let text = part["text"], text.kind == .string, part["type"]?.isText("text") == true else {
                return nil
            }
            if out.count > 1 { out.append("\\n") }
            out += text.content
        }
        out.append(UInt8(ascii: "\""))
        return out
    }

    private func rewritten(calls: JSONView) -> [UInt8]? {
        var out = Array("[".utf8)
        var hasChanged = false
        for call in calls.elements {
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            var object = ObjectWriter()
            var members = call.members
            while let (name, value) = members.next() {
                let changed = JSONString.equals(name, "id") ? value.string.flatMap(CallID.nineCharacters) : nil
                object.add(name, value, changed: changed)
            }
            let changed = object.result()
            hasChanged = hasChanged || changed != nil
            out += changed ?? Array(call.raw)
        }
        out.append(UInt8(ascii: "]"))
        return hasChanged ? out : nil
    }
}

/// Writes an object from the members of another, and tracks whether they differ.
struct ObjectWriter {
    private var out = Array("{".utf8)
    private var hasChanged = false

    mutating func omit() { hasChanged = true }

    mutating func add(_ name: UnsafeBufferPointer<UInt8>, _ value: JSONView, changed: [UInt8]?) {
        if out.count > 1 { out.append(UInt8(ascii: ",")) }
        out.append(UInt8(ascii: "\""))
        out += name
        out.append("\":")
        if let changed {
            hasChanged = true
            out += changed
        } else {
            out += value.raw
        }
    }

    mutating func add(_ name: StaticString, _ value: JSONView) { add(name, json: Array(value.raw)) }

    mutating func add(_ name: StaticString, json: [UInt8]) {
        let bytes = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        if out.count > 1 { out.append(UInt8(ascii: ",")) }
        out.append(UInt8(ascii: "\""))
        out += bytes
        out.append("\":")
        out += json
        hasChanged = true
    }

    /// `nil` when every member was copied unchanged.
    func result() -> [UInt8]? { hasChanged ? out + [UInt8(ascii: "}")] : nil }
}
