import GatewayModel
import RequestWalk

/// Streams, valid and broken.
extension ProviderScript {
    mutating func stream(_ random: inout Seeded) {
        head(200, random.once(in: 2) ? "text/event-stream" : "Text/Event-Stream; charset=utf-8")
        var text = ""
        let model = model(&random)
        // Some providers name the model only from their second chunk on and leave it empty in the first.
        let isLate = random.once(in: 6)
        let early = random.once(in: 2) ? "" : nil
        for at in 0..<Int.random(in: 0...5, using: &random) {
            add(word(isLate && at == 0 ? early : model, &random), to: &text)
            if random.once(in: 8) { text += ": keep-alive" + newline + newline }
            if random.once(in: 20) { add(Chunk(model: model, hasChoices: false), to: &text) }
            if random.once(in: 25) { add(.error, #"{"error":{"message":"broke"}}"#, to: &text) }
            if random.once(in: 40) { add(.nonsense, "{nonsense", to: &text) }
        }
        if !random.once(in: 8) { finish(model, &text, &random) }
        if !random.once(in: 6) { add(.done, "[DONE]", to: &text) }
        // Anything after the end is ignored.
        if random.once(in: 12) { add(word(model, &random), to: &text) }
        send(text, &random)
        if !random.once(in: 8) { end(&random) }
    }

    private mutating func word(_ model: String?, _ random: inout Seeded) -> Chunk {
        words += 1
        let filler = String(repeating: "x", count: random.once(in: 6) ? 40 : 0)
        // Some report usage as they go, first with zero tokens.
        let preview = random.once(in: 2) ? TokenUsage(input: 3, output: 0) : usage(&random)
        return Chunk(
            text: "a\(number)w\(words)\(filler)", model: model, usage: random.once(in: 12) ? preview : nil)
    }

    /// The finish reason, with usage in the same chunk, after it, or not at all.
    private mutating func finish(_ model: String?, _ text: inout String, _ random: inout Seeded) {
        let usage = usage(&random)
        let isOwnChunk = random.once(in: 2)
        add(Chunk(model: model, usage: isOwnChunk ? nil : usage, finishes: true), to: &text)
        if isOwnChunk, let usage { add(Chunk(model: model, usage: usage, hasChoices: false), to: &text) }
    }

    private mutating func add(_ chunk: Chunk, to text: inout String) {
        var json = #"{"id":"c","#
        if let model = chunk.model { json += #""model":"\#(model)","# }
        if let usage = chunk.usage { json += Self.json(usage) + "," } else if saysNull { json += #""usage":null,"# }
        let delta = chunk.text.map { #"{"content":"\#($0)"}"# } ?? "{}"
        let reason = chunk.finishes ? #""stop""# : "null"
        // Data may be split into lines anywhere between two tokens.
        if isCutInLines { json += newline + "data: " }
        json += #""choices":["#
        if chunk.hasChoices { json += #"{"index":0,"delta":\#(delta),"finish_reason":\#(reason)}"# }
        add(.chunk(chunk), json + "]}", to: &text)
    }

    private mutating func add(_ meaning: Event.Meaning, _ data: String, to text: inout String) {
        text += "data: \(data)\(newline)\(newline)"
        // An event is complete with the CR of its empty line: the following LF may come later or never.
        events.append(Event(end: text.utf8.count + 1 - newline.utf8.count, meaning: meaning))
    }
}
