import Sockets

/// What a model's name asks for: `bench` answers at once, `bench:gap=50,count=200` streams 200 chunks 50 ms apart.
final class Script {
    static let stampLength = 19
    let gap: Int64
    let count: Int
    /// A whole answer, and the parts of a stream, as they go on the wire.
    let answer: [UInt8]
    let streamHead: [UInt8]
    let chunk: [UInt8]
    /// Where the time of sending goes in `chunk`.
    let stampAt: Int
    let end: [UInt8]
    let endWithUsage: [UInt8]

    init(model: String) {
        var values: [Substring: Int] = [:]
        for pair in model.drop(while: { $0 != ":" }).dropFirst().split(separator: ",") {
            let parts = pair.split(separator: "=")
            if parts.count == 2 { values[parts[0]] = Int(parts[1]) }
        }
        gap = Int64(values["gap"] ?? 0) * 1_000_000
        count = values["count"] ?? 20
        let usage = #""usage":{"prompt_tokens":64,"completion_tokens":16,"total_tokens":80}"#
        let named = { (object: String) in
            #"{"id":"chatcmpl-bench","object":"\#(object)","created":1700000000,"model":"\#(model)","#
        }
        let text = String(repeating: "forty characters of an answer with words ", count: 8)
        let body =
            named("chat.completion") + #""choices":[{"index":0,"message":{"role":"assistant","content":"\#(text)"},"#
            + #""finish_reason":"stop"}],\#(usage)}"#
        answer = Array(
            ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n" + body)
                .utf8)
        streamHead = Array(
            ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n").utf8)
        let event = { (choices: String) in named("chat.completion.chunk") + #""choices":\#(choices)}"# }
        let stamp = "@" + String(repeating: "0", count: Self.stampLength) + "@"
        chunk = Self.framed(event(#"[{"index":0,"delta":{"content":"\#(stamp)"},"finish_reason":null}]"#))
        stampAt = (chunk.firstIndex(of: UInt8(ascii: "@")) ?? 0) + 1
        let finish = Self.framed(event(#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#))
        let done = Self.framed("[DONE]") + Array("0\r\n\r\n".utf8)
        end = finish + done
        endWithUsage = finish + Self.framed(named("chat.completion.chunk") + #""choices":[],\#(usage)}"#) + done
    }

    private static func framed(_ data: String) -> [UInt8] {
        let event = "data: \(data)\n\n"
        return Array("\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n".utf8)
    }
}
