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
    private var placesByID: [TextKey: Int] = [:]
    private var placesByIndex: [Int64: Int] = [:]

    init(id: String) { self.id = id }

    var isEmpty: Bool { names.isEmpty }

    /// - Parameter deltas: the `tool_calls` of one delta.
    /// - Returns: the repaired array; `nil` when it needs no change.
    mutating func mended(_ deltas: JSONView) throws(TooManyCalls) -> [UInt8]? {
        var out = Array("[".utf8)
        var hasChanged = false
        for delta in deltas.elements {
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            let changed = try mended(delta: delta)
            hasChanged = hasChanged || changed != nil
            out += changed ?? Array(delta.raw)
        }
        out.append(UInt8(ascii: "]"))
        return hasChanged ? out : nil
    }

    private mutating func mended(delta: JSONView) throws(TooManyCalls) -> [UInt8]? {
        let index = delta["index"]?.integer
        let id = delta["id"].flatMap { $0.hasText ? $0 : nil }
        let name = delta["function"]?["name"].flatMap { $0.hasText ? $0.key : nil }
        if let place = place(index: index, id: id?.key, name: name) {
            let isFine =
                index == Int64(place) && delta["id"] == nil && delta["function"]?["name"] == nil
                && Self.isText(delta["function"]?["arguments"])
            return isFine ? nil : continued(delta, place)
        }
        guard names.count < ChoiceMender.callsMax else { throw TooManyCalls() }
        let place = names.count
        let made = id?.string ?? "call_\(self.id)_\(place)"
        names.append(name ?? TextKey(""))
        placesByID[TextKey(made)] = place
        if let index { placesByIndex[index] = place }
        let isFine = index == Int64(place) && id != nil && Self.isText(delta["function"]?["arguments"])
        return isFine ? nil : begun(delta, place, id: made)
    }

    private static func isText(_ arguments: JSONView?) -> Bool { arguments == nil || arguments?.kind == .string }

    /// The call that a delta continues; `nil` when it starts a new one.
    private func place(index: Int64?, id: TextKey?, name: TextKey?) -> Int? {
        if let id { return placesByID[id] }
        guard let index else { return name == nil && !names.isEmpty ? names.count - 1 : nil }
        guard let place = placesByIndex[index] else { return nil }
        return name == nil || name == names[place] ? place : nil
    }

    private func begun(_ delta: JSONView, _ place: Int, id: String) -> [UInt8] {
        var object = ObjectWriter()
        object.add("index", json: Array(String(place).utf8))
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

    private func continued(_ delta: JSONView, _ place: Int) -> [UInt8] {
        let arguments = Self.arguments(delta["function"]?["arguments"])
        var out = Array("{\"index\":\(place),\"function\":{\"arguments\":".utf8)
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
