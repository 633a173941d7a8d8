internal import GatewayModel

/// Completes the turns and orders them as Anthropic requires.
extension AnthropicConversation {
    private static var placeholder: JSONTree { text(".") }

    /// Every call gets a result in the next turn, the first turn is the user's, and no turn is empty.
    func messages() throws(GatewayError) -> JSONTree {
        var out: [JSONTree] = []
        var pending: [String] = []
        if turns.first?.isUser != true { out.append(Self.message("user", [Self.placeholder])) }
        for (at, turn) in turns.enumerated() {
            guard !turn.isUser else {
                let missing = pending.filter { !turn.answered.contains($0) }
                pending = []
                out.append(Self.message("user", turn.results + missing.map(Self.unanswered) + turn.blocks))
                continue
            }
            let isLast = at == turns.count - 1
            out.append(Self.message("assistant", isLast ? Self.trimmed(turn.blocks) : turn.blocks))
            pending = turn.calls
        }
        if !pending.isEmpty { out.append(Self.message("user", pending.map(Self.unanswered))) }
        return .array(out)
    }

    private static func message(_ role: String, _ blocks: [JSONTree]) -> JSONTree {
        .object(["role": .text(role), "content": .array(blocks.isEmpty ? [placeholder] : blocks)])
    }

    /// The result for a call whose real one is missing because the history was truncated.
    private static func unanswered(_ id: String) -> JSONTree {
        .object([
            "type": .text("tool_result"), "tool_use_id": .text(id), "content": .text("No result is known."),
            "is_error": .bool(true),
        ])
    }

    /// Strips trailing white space, which Anthropic refuses in an assistant turn to be continued.
    private static func trimmed(_ blocks: [JSONTree]) -> [JSONTree] {
        guard let last = blocks.last, let text = last["text"]?.string else { return blocks }
        // By scalars, since finding the last grapheme cluster may scan back any distance.
        let kept = text.unicodeScalars.reversed().drop { $0.properties.isWhitespace }
        guard kept.startIndex != text.unicodeScalars.reversed().startIndex else { return blocks }
        return blocks.dropLast() + [last.setting("text", .text(String(text.unicodeScalars[..<kept.startIndex.base])))]
    }
}
