internal import JSONScan
internal import ProviderResponses

/// Repairs the choices of chunks and responses that clients would stumble over.
///
/// Clients merge deltas by simple rules: a repeated role, id or name is concatenated, a call without an index is an
/// error, and content in parts is not text.
struct ChoiceRepairer: Sendable {
    enum Result {
        case unchanged
        case repaired([UInt8])
        case tooManyCalls
    }

    /// The most tool calls in one choice.
    static let callsMax = 256
    /// Choices beyond this many are not repaired.
    private static let choicesMax = 128

    private let identity: ResponseIdentity
    private let endsCallsWithStop: Bool
    private var rolesSeen: Set<Int64> = []
    private var calls: [Int64: ToolCallTracker] = [:]

    init(_ identity: ResponseIdentity, endsCallsWithStop: Bool) {
        self.identity = identity
        self.endsCallsWithStop = endsCallsWithStop
    }

    /// - Parameter choices: the array of a chunk.
    mutating func repair(deltas choices: JSONView) -> Result {
        repair(choices, "delta") { me, value, choice throws(TooManyCalls) in try me.repaired(delta: value, choice) }
    }

    /// - Parameter choices: the array of a complete response.
    mutating func repair(messages choices: JSONView) -> Result {
        repair(choices, "message") { _, value, _ throws(TooManyCalls) in Self.repaired(message: value) }
    }

    private mutating func repair(
        _ choices: JSONView, _ holder: StaticString,
        _ body: (inout ChoiceRepairer, JSONView, Int64) throws(TooManyCalls) -> [UInt8]?
    ) -> Result {
        var out = Array("[".utf8)
        var hasChanged = false
        for choice in choices.elements {
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            let number = choice["index"]?.integer ?? 0
            var object = ObjectWriter()
            var members = choice.members
            while let (name, value) = members.next() {
                var changed: [UInt8]?
                if JSONString.equals(name, holder) {
                    do throws(TooManyCalls) { changed = try body(&self, value, number) } catch { return .tooManyCalls }
                } else if JSONString.equals(name, "finish_reason"), value.kind == .string {
                    changed = repaired(finish: value, number)
                }
                object.add(name, value, changed: changed)
            }
            let changed = object.result()
            hasChanged = hasChanged || changed != nil
            out += changed ?? Array(choice.raw)
        }
        out.append(UInt8(ascii: "]"))
        return hasChanged ? .repaired(out) : .unchanged
    }

    private func repaired(finish: JSONView, _ choice: Int64) -> [UInt8]? {
        guard finish.hasText else { return Array("null".utf8) }
        let isCall = endsCallsWithStop && finish.isText("stop") && calls[choice] != nil
        let word = isCall ? "tool_calls" : FinishReason.standard(finish)
        return FinishReason.isStandard(finish) && !isCall ? nil : Array("\"\(word)\"".utf8)
    }

    private mutating func repaired(delta: JSONView, _ choice: Int64) throws(TooManyCalls) -> [UInt8]? {
        guard delta.kind == .object, (0..<Int64(Self.choicesMax)).contains(choice) else { return nil }
        var object = ObjectWriter()
        let isFirst = rolesSeen.insert(choice).inserted
        if isFirst, delta["role"] == nil { object.add("role", json: Array(#""assistant""#.utf8)) }
        var members = delta.members
        while let (name, value) = members.next() {
            if JSONString.equals(name, "role"), !isFirst {
                object.omit()
            } else if JSONString.equals(name, "tool_calls"), value.kind == .array {
                var tracker = calls.removeValue(forKey: choice) ?? ToolCallTracker(id: "\(identity.stem)_\(choice)")
                defer { if !tracker.isEmpty { calls[choice] = tracker } }
                // An empty list means the same as none, but some clients branch on its presence.
                if value.isEmpty {
                    object.omit()
                } else {
                    object.add(name, value, changed: try tracker.repaired(value))
                }
            } else if JSONString.equals(name, "content"), value.kind == .array {
                Self.add(parts: value, to: &object)
            } else {
                object.add(name, value, changed: nil)
            }
        }
        return object.result()
    }

    private static func repaired(message: JSONView) -> [UInt8]? {
        guard message["content"]?.kind == .array else { return nil }
        var object = ObjectWriter()
        var members = message.members
        while let (name, value) = members.next() {
            if JSONString.equals(name, "content") {
                add(parts: value, to: &object)
            } else {
                object.add(name, value, changed: nil)
            }
        }
        return object.result()
    }

    /// Turns content in parts into text, and its thinking into `reasoning_content` (Mistral).
    private static func add(parts: JSONView, to object: inout ObjectWriter) {
        var text: [UInt8] = []
        var thinking: [UInt8] = []
        for part in parts.elements {
            if let content = part["text"] { text += content.content }
            if let thought = part["thinking"] {
                thinking += thought.content
                for piece in thought.elements { if let content = piece["text"] { thinking += content.content } }
            }
        }
        object.add("content", json: JSONTree.text(between: text).bytes)
        if !thinking.isEmpty { object.add("reasoning_content", json: JSONTree.text(between: thinking).bytes) }
    }
}

struct TooManyCalls: Error {}
