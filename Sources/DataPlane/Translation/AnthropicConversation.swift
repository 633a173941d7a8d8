internal import GatewayModel
internal import JSONScan
internal import PlaneContract

/// The messages of a request as Anthropic turns.
///
/// System text is separate, user and assistant alternate, and every call is answered at the start of the next turn.
struct AnthropicConversation {
    struct Turn {
        var isUser: Bool
        /// `tool_result` blocks, which must precede all other blocks of their turn.
        var results: [JSONTree] = []
        /// The calls answered in this turn, by their ids in the translated request.
        var answered: Set<String> = []
        var blocks: [JSONTree] = []
        /// The calls made in this turn, by translated id, and those ids by the client's; the last, if repeated.
        var calls: [String] = []
        var plainIDs: [TextKey: String] = [:]
    }

    /// Anthropic's limit.
    static let cacheMarkersMax = 4

    private(set) var system: [JSONTree] = []
    private(set) var turns: [Turn] = []
    private(set) var toolsUsed: [String] = []
    private var toolsSeen: Set<TextKey> = []
    private var cacheMarkers = 0
    private var idsUsed: Set<String> = []
    /// For an id already used: the number to try next for a call with the same id.
    private var idNumbers: [String: Int] = [:]

    var cacheMarkersLeft: Int { Self.cacheMarkersMax - cacheMarkers }

    /// Whether the last turn contains tool results.
    var endsWithResults: Bool { turns.last.map { $0.isUser && !$0.results.isEmpty } ?? false }

    static func text(_ text: String) -> JSONTree { .object(["type": .text("text"), "text": .text(text)]) }

    mutating func read(_ messages: JSONView) throws(GatewayError) {
        var hasBegun = false
        for (at, message) in messages.elements.enumerated() {
            guard let role = message["role"] else { continue }
            if role.isText("system") || role.isText("developer") {
                // A later system message stays in its place as user text: Anthropic has no other form for it.
                let blocks = try blocks(of: message, at)
                if hasBegun { append(blocks, isUser: true) } else { system += blocks }
                continue
            }
            hasBegun = true
            if role.isText("user") {
                append(try blocks(of: message, at), isUser: true)
            } else if role.isText("assistant") {
                try read(assistant: message, at)
            } else if role.isText("tool") {
                try read(result: message, at)
            } else {
                throw Translator.unsupported(
                    "messages[\(at)].role", "This model does not accept function messages; use tool messages.")
            }
        }
    }

    private mutating func append(_ blocks: [JSONTree], isUser: Bool) {
        guard !blocks.isEmpty else { return }
        if turns.last?.isUser != isUser { turns.append(Turn(isUser: isUser)) }
        turns[turns.count - 1].blocks += blocks
    }

    private mutating func read(assistant message: JSONView, _ at: Int) throws(GatewayError) {
        var blocks = try blocks(of: message, at)
        if let refusal = message["refusal"], refusal.hasText { blocks.append(Self.textBlock(refusal)) }
        var calls: [(clientID: TextKey, plain: String)] = []
        for call in message["tool_calls"].map({ Array($0.elements) }) ?? [] {
            guard let clientID = call["id"], let id = clientID.string, let name = call["function"]?["name"]?.string
            else {
                throw Translator.unsupported(
                    "messages[\(at)].tool_calls", "messages[\(at)].tool_calls has a call that is not a function call.")
            }
            let plain = unused(CallID.plain(id))
            calls.append((TextKey(clientID.content), plain))
            if toolsSeen.insert(TextKey(name)).inserted { toolsUsed.append(name) }
            blocks.append(
                .object([
                    "type": .text("tool_use"), "id": .text(plain), "name": .text(name),
                    "input": Self.input(call["function"]?["arguments"]),
                ]))
        }
        append(blocks, isUser: false)
        for (clientID, plain) in calls {
            turns[turns.count - 1].calls.append(plain)
            turns[turns.count - 1].plainIDs[clientID] = plain
        }
    }

    /// Makes an id unique, as Anthropic requires: some clients and models restart their numbering in every turn.
    private mutating func unused(_ id: String) -> String {
        var candidate = id
        var number = idNumbers[id] ?? 2
        while !idsUsed.insert(candidate).inserted {
            candidate = "\(id)_\(number)"
            number += 1
        }
        // No number is tried twice, so all calls together take linear time.
        if candidate != id { idNumbers[id] = number }
        return candidate
    }

    /// Arguments should be the JSON text of an object; other text is wrapped in one.
    private static func input(_ arguments: JSONView?) -> JSONTree {
        guard let arguments, let text = arguments.string, text.contains(where: { !$0.isWhitespace }) else {
            return arguments?.kind == .object ? arguments.map(JSONTree.init) ?? .object([:]) : .object([:])
        }
        let raw = Array(text.utf8)
        guard (try? JSONScanner.members(of: raw)) != nil else { return .object(["input": .text(text)]) }
        return .scalar(raw)
    }

    private mutating func read(result message: JSONView, _ at: Int) throws(GatewayError) {
        guard let id = message["tool_call_id"]?.key else { return }
        let asked = turns.last?.isUser == true ? turns.dropLast().last : turns.last
        guard let call = asked?.plainIDs[id] else {
            throw Translator.unsupported(
                "messages[\(at)].tool_call_id",
                "messages[\(at)].tool_call_id matches no tool call of the preceding assistant message.")
        }
        let blocks = try blocks(of: message, at)
        if turns.last?.isUser != true { turns.append(Turn(isUser: true)) }
        guard turns[turns.count - 1].answered.insert(call).inserted else {
            throw Translator.unsupported(
                "messages[\(at)].tool_call_id", "messages[\(at)] is a second result for the same tool call.")
        }
        turns[turns.count - 1].results.append(
            .object([
                "type": .text("tool_result"), "tool_use_id": .text(call),
                "content": blocks.isEmpty ? nil : .array(blocks),
            ]))
    }

    /// The part's cache marker, while the limit allows another one.
    mutating func useMarker(_ part: JSONView) -> JSONTree? {
        guard cacheMarkers < Self.cacheMarkersMax, let marker = Self.cacheMarker(part) else { return nil }
        cacheMarkers += 1
        return marker
    }

    static func cacheMarker(_ part: JSONView) -> JSONTree? {
        if let marker = part["cache_control"], marker.kind == .object { return JSONTree(marker) }
        return part["prompt_cache_breakpoint"]?.kind == .object ? .object(["type": .text("ephemeral")]) : nil
    }
}
