import Admission
import GatewayModel
import RequestWalk
import Testing

/// Bounds on repeated items of a request: exactly the bound is accepted, one more is a 400.
@Suite struct RequestShapeTests {
    private func answer(to body: String) -> (status: Int?, text: String) {
        var walker = Walker(dialects: ["vllm"])
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Array(body.utf8)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        // The limiter is asked about a large body before it is read.
        walker.feed(.beginAnswered(.verdict(.begun)))
        return (walker.status, walker.written)
    }

    private static func list(_ count: Int, _ item: (Int) -> String) -> String {
        (0..<count).map(item).joined(separator: ",")
    }
    private static let user = #"{"role":"user","content":"x"}"#
    private static func chat(_ messages: String, _ more: String = "") -> String {
        #"{"model":"smart","messages":[\#(messages)]\#(more)}"#
    }
    /// Hundreds of calls, then the answer to one of them.
    private static func item(_ at: Int) -> String {
        at % 500 == 499
            ? #"{"type":"function_call_output","call_id":"c","output":"r"}"#
            : #"{"type":"function_call","call_id":"c","name":"f"}"#
    }
    private static func tools(_ tools: String) -> String { chat(user, #","tools":[\#(tools)]"#) }

    /// The repeated item, its bound, where it is refused, and a body with that many.
    static let bounds: [(what: String, max: Int, param: String, body: @Sendable (Int) -> String)] = [
        ("messages", 10_000, "messages", { chat(list($0) { _ in user }) }),
        (
            "items", 20_000, "input",
            {
                #"{"model":"smart","input":[\#(list($0, item))]}"#
            }
        ),
        (
            "parts", 4_096, "messages[0].content",
            { chat(#"{"role":"user","content":[\#(list($0) { _ in #"{"type":"text","text":"x"}"# })]}"#) }
        ),
        (
            "blocks", 4_096, "messages[0].content",
            { chat(#"{"role":"user","content":[\#(list($0) { #"{"type":"tool_result","tool_use_id":"\#($0)"}"# })]}"#) }
        ),
        (
            "calls", 1_024, "messages[0].tool_calls",
            { chat(#"{"role":"assistant","tool_calls":[\#(list($0) { #"{"id":"c\#($0)"}"# })]}"#) }
        ),
        ("tools", 2_048, "tools", { tools(list($0) { #"{"type":"function","function":{"name":"f\#($0)"}}"# }) }),
        ("flat tools", 2_048, "tools", { tools(list($0) { #"{"type":"function","name":"f\#($0)"}"# }) }),
        (
            "properties", 65_536, "tools",
            {
                tools(
                    #"{"type":"function","function":{"name":"f","parameters":{\#(list($0 - 4) { #""p\#($0)":{}"# })}}}"#
                )
            }
        ),
        (
            "references", 8_192, "tools",
            { tools(#"{"name":"f","input_schema":{"anyOf":[\#(list($0) { _ in #"{"\u0024ref":"x"}"# })]}}"#) }
        ),
        (
            "references of an answer", 8_192, "response_format",
            {
                chat(
                    user,
                    #","response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"anyOf":[\#(list($0) { _ in #"{"$ref":"x"}"# })]}}}"#
                )
            }
        ),
        (
            "name of a tool", 512, "tools[0].function.name",
            { tools(#"{"type":"function","function":{"name":"\#(String(repeating: "n", count: $0))"}}"#) }
        ),
        (
            "name of a flat tool", 512, "tools[1].name",
            { tools(#"{"type":"function","name":"f"},{"name":"\#(String(repeating: "\\u006e", count: $0))"}"#) }
        ),
        (
            "name in a call", 512, "messages[0].tool_calls[0].function.name",
            {
                chat(
                    #"{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"\#(String(repeating: "n", count: $0))"}}]}"#
                )
            }
        ),
        (
            "id of a call", 65_536, "messages[0].tool_calls[0].id",
            { chat(#"{"role":"assistant","tool_calls":[{"id":"\#(String(repeating: "i", count: $0))"}]}"#) }
        ),
        (
            "name of an author", 1_024, "messages[0].name",
            {
                chat(
                    #"{"role":"user","content":"x","name":"\#(String(repeating: "é", count: $0 / 2))\#($0 % 2 == 0 ? "" : "x")"}"#
                )
            }
        ),
    ]

    @Test("the bound is taken, one more is a 400 that names the member and the bound", arguments: bounds.indices)
    func bound(at: Int) {
        let (what, max, param, body) = Self.bounds[at]
        let whole = answer(to: body(max))
        #expect(whole.status == nil, "\(what): \(whole.text.prefix(300))")
        let more = answer(to: body(max + 1))
        #expect(more.status == 400, "\(what)")
        #expect(
            more.text.contains(#""param":"\#(param)""#) && more.text.contains("at most \(max)") || what == "messages",
            "\(more.text)")
    }

    @Test("an image prompt is counted in scalars, not in characters")
    func prompt() {
        let prompt = "e" + String(repeating: "\u{301}", count: 32_000)
        var walker = Walker(dialects: ["vllm"])
        var head = Walker.head()
        head.target = "/v1/images/generations"
        walker.feed(.head(head))
        walker.feed(.body(Array(#"{"model":"smart","prompt":"\#(prompt)"}"#.utf8)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        #expect(walker.status == 400 && walker.written.contains(#""param":"prompt""#), "\(walker.written)")
    }
}
