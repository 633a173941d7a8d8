internal import GatewayModel
internal import JSONScan
internal import PlaneContract

/// Gives each streamed tool call of one choice an index, and its id and name exactly once.
///
/// See the OpenAI API reference, chat completion chunks.
///
/// A new call starts with an unknown id, an unknown index, or a different name.
struct ToolCallTracker: Sendable {
    private let id: String
    /// The names of the calls.
    private var names: [TextKey] = []
    /// The newest call with an id, and with a vendor's index.
    private var positionsByID: [TextKey: Int] = [:]
    private var positionsByIndex: [Int64: Int] = [:]

    init(id: String) { self.id = id }

    var isEmpty: Bool { names.isEmpty }

    /// - Parameter deltas: the `tool_calls` of one delta.
    /// - Returns: the repaired array; `nil` when it needs no change.
    mutating func repaired(_ deltas: JSONView) throws(TooManyCalls) -> [UInt8]? {
        var out = Array("[".utf8)
        var hasChanged = false
        for delta in deltas.elements {
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            let changed = try repaired(delta: delta)
            hasChanged = hasChanged || changed != nil
            out += changed ?? Array(delta.raw)
        }
        out.append(UInt8(ascii: "]"))
        return hasChanged ? out : nil
    }

    private mutating func repaired(delta: JSONView) throws(TooManyCalls) -> [UInt8]? {
        let index = delta["index"]?.integer
        let id = delta["id"].flatMap { $0.hasText ? $0 : nil }
        let name = delta["function"]?["name"].flatMap { $0.hasText ? $0.key : nil }
        if let position = position(index: index, id: id?.key, name: name) {
            let isValid =
                index == Int64(position) && delta["id"] == nil && delta["function"]?["name"] == nil
                && Self.isText(delta["function"]?["arguments"])
            return isValid ? nil : continued(delta, position)
        }
        guard names.count < ChoiceRepairer.callsMax else { throw TooManyCalls() }
        let position = names.count
        let newID = id?.string ?? "call_\(self.id)_\(position)"
        names.append(name ?? TextKey(""))
        positionsByID[TextKey(newID)] = position
        if let index { positionsByIndex[index] = position }
        let isValid = index == Int64(position) && id != nil && Self.isText(delta["function"]?["arguments"])
        return isValid ? nil : begun(delta, position, id: newID)
    }

    private static func isText(_ arguments: JSONView?) -> Bool { arguments == nil || arguments?.kind == .string }

    /// The call that a delta continues; `nil` when it starts a new one.
    private func position(index: Int64?, id: TextKey?, name: TextKey?) -> Int? {
        if let id { return positionsByID[id] }
        guard let index else { return name == nil && !names.isEmpty ? names.count - 1 : nil }
        guard let position = positionsByIndex[index] else { return nil }
        return name == nil || name == names[position] ? position : nil
    }

    private func begun(_ delta: JSONView, _ position: Int, id: String) -> [UInt8] {
        var object = ObjectWriter()
        object.add("index", json: Array(String(position).utf8))
        object.add("id", json: Array(JSONText.quoted(id).utf8))
        if delta["type"] == nil { object.add("type", json: Array(#""function""#.utf8)) }
        var members = delta.members
        while let (name, value) = members.next() {
            if JSONString.equals(name, "index") || JSONString.equals(name, "id") { continue }
            let changed = JSONString.equals(name, "function") ? Self.function(value) : nil
            object.add(name, value, changed: changed)
        }
        return object.result() ?? []
    }

    private func continued(_ delta: JSONView, _ position: Int) -> [UInt8] {
        let arguments = Self.arguments(delta["function"]?["arguments"])
        var out = Array("{\"index\":\(position),\"function\":{\"arguments\":".utf8)
        out += arguments
        out += "}}".utf8
        return out
    }

    /// The function with its arguments as a string; `nil` when they are one already.
    private static func function(_ function: JSONView) -> [UInt8]? {
        guard function["arguments"]?.kind != .string else { return nil }
        var object = ObjectWriter()
        var members = function.members
        while let (name, value) = members.next() {
            if !JSONString.equals(name, "arguments") { object.add(name, value, changed: nil) }
        }
        object.add("arguments", json: arguments(function["arguments"]))
        return object.result()
    }

    private static func arguments(_ value: JSONView?) -> [UInt8] {
        guard let value, !value.isNull else { return Array("\"\"".utf8) }
        if value.kind == .string { return Array(value.raw) }
        return Array(JSONText.quoted(String(decoding: value.raw, as: UTF8.self)).utf8)
    }
}
