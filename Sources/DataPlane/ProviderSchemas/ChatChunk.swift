package import JSONScan

/// What the relay must know of one chunk of a streamed chat completion.
package struct ChatChunk: Sendable {
    package let bytes: [UInt8]
    package let members: [JSONMember]
    package private(set) var errorMessage: String?
    package private(set) var model: String?
    /// A usage object is present and not null.
    package private(set) var usage: JSONView?
    package private(set) var hasUsageMember = false
    package private(set) var hasChoices = false
    package private(set) var hasFinish = false
    /// Deltas that carry text, reasoning, a refusal or tool arguments.
    package private(set) var contentDeltas: Int64 = 0
    package private(set) var contentBytes: Int64 = 0

    /// - Parameter data: the data of one event.
    package init(_ data: [UInt8]) throws(JSONFlaw) {
        bytes = data
        members = try JSONScanner.members(of: data)
        for member in members {
            let value = JSONView(data, member.value)
            switch member.name {
            case "error" where !value.isNull:
                errorMessage = value["message"]?.string ?? value.string ?? "unspecified error"
            case "model": model = value.string
            case "usage":
                hasUsageMember = true
                if value.kind == .object { usage = value }
            case "choices": read(choices: value)
            default: break
            }
        }
    }

    private mutating func read(choices: JSONView) {
        var deltas: Int64 = 0
        var textBytes: Int64 = 0
        var any = false
        var finished = false
        choices.forEachElement { choice in
            any = true
            if let finish = choice["finish_reason"], finish.kind == .string { finished = true }
            guard let delta = choice["delta"] else { return }
            let size = Self.contentBytes(of: delta)
            if size > 0 { deltas += 1 }
            textBytes += size
        }
        hasChoices = any
        hasFinish = finished
        contentDeltas = deltas
        contentBytes = textBytes
    }

    /// The bytes of generated text in a delta or a message, as they stand in the JSON.
    static func contentBytes(of delta: JSONView) -> Int64 {
        var size = 0
        delta.forEachMember { name, value in
            if Self.isText(name) {
                if value.kind == .string { size += value.range.count - 2 }
            } else if name.elementsEqual("tool_calls".utf8) {
                value.forEachElement { call in
                    size += max(0, (call["function"]?["arguments"]?.range.count ?? 2) - 2)
                    size += max(0, (call["function"]?["name"]?.range.count ?? 2) - 2)
                }
            }
        }
        return Int64(size)
    }

    private static func isText(_ name: ArraySlice<UInt8>) -> Bool {
        name.elementsEqual("content".utf8) || name.elementsEqual("reasoning_content".utf8)
            || name.elementsEqual("reasoning".utf8) || name.elementsEqual("refusal".utf8)
    }
}
