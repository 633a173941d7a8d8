import GatewayModel
import InboundFormats
import JSONScan
import Testing

/// The body in OpenAI's format; scanning the result proves that it is valid JSON without duplicate names.
func form(_ json: String) throws -> String {
    let bytes = Array(json.utf8)
    let out = try InboundChat.convert(bytes, JSONScanner.members(of: bytes))
    _ = try JSONScanner.members(of: out)
    return String(decoding: out, as: UTF8.self)
}

func fault(_ json: String) -> String? {
    do {
        _ = try form(json)
        return nil
    } catch {
        return (error as? GatewayError)?.param
    }
}

@Suite struct InboundChatTests {
    @Test("a text as input is a user's message; instructions stand before it")
    func text() throws {
        #expect(
            try form(#"{"model":"m","input":"caf\u00e9","instructions":"Be \"brief\"","stream":true}"#)
                == #"{"model":"m","messages":[{"role":"system","content":"Be \"brief\""},{"role":"user","content":"caf\u00e9"}],"stream":true}"#
        )
        #expect(
            try form(#"{"instructions":"x","messages":[{"role":"user","content":"y"}]}"#)
                == #"{"messages":[{"role":"system","content":"x"},{"role":"user","content":"y"}]}"#)
    }

    @Test("limits, effort, verbosity and the answer's format go under their own names")
    func settings() throws {
        #expect(
            try form(
                #"{"input":"x","max_output_tokens":64,"reasoning":{"effort":"low","summary":"auto"},"text":{"verbosity":"low","format":{"type":"json_schema","name":"n","schema":{"a":1.0},"strict":true}}}"#
            )
                == #"{"messages":[{"role":"user","content":"x"}],"max_completion_tokens":64,"reasoning_effort":"low","verbosity":"low","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"a":1.0},"strict":true}}}"#
        )
        #expect(
            try form(#"{"input":"x","text":{"format":{"type":"json_object"}}}"#)
                == #"{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_object"}}"#)
    }

    @Test("OpenAI's own names win over foreign ones")
    func ownNames() throws {
        #expect(
            try form(
                #"{"messages":[],"max_output_tokens":5,"max_completion_tokens":6,"reasoning":{"effort":"low"},"reasoning_effort":"high","input":"kept for the engine to judge"}"#
            )
                == #"{"messages":[],"max_completion_tokens":6,"reasoning_effort":"high","input":"kept for the engine to judge"}"#
        )
    }

    @Test("what says how a response is kept or told is left out; other members pass as they are spelt")
    func rest() throws {
        #expect(
            try form(
                #"{ "seed" : 12345678901234567890123, "store":true,"include":["x"],"truncation":"auto","background":false,"previous_response_id":null,"messages":null,"input":"x","temperature":1.0,"max_tool_calls":3,"metadata":{"a":"b"} }"#
            )
                == #"{"seed" : 12345678901234567890123,"messages":[{"role":"user","content":"x"}],"temperature":1.0,"metadata":{"a":"b"}}"#
        )
    }

    @Test("a null leaves room for what is said under a foreign name")
    func nulls() throws {
        #expect(
            try form(
                #"{"max_completion_tokens":null,"reasoning_effort":null,"input":"x","max_output_tokens":5,"reasoning":{"effort":"low"},"tools":null,"stream":null}"#
            )
                == #"{"messages":[{"role":"user","content":"x"}],"max_completion_tokens":5,"reasoning_effort":"low"}"#)
    }

    @Test("calls become one assistant message, results messages of the tool; reasoning is left out")
    func items() throws {
        let input =
            #"[{"role":"developer","content":"d"},{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"https://x/y.png","detail":"low"}]},"#
            + #"{"type":"reasoning","id":"r","summary":[],"encrypted_content":"z"},{"role":"assistant","content":[{"type":"output_text","text":"wait","annotations":[]}]},"#
            + #"{"type":"function_call","id":"fc","call_id":"c1","name":"f","arguments":"{\"a\":1.0}"},{"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},"#
            + #"{"type":"function_call_output","call_id":"c1","output":"42"},{"type":"function_call_output","call_id":"c2","output":{"b" : [1e3]}},"#
            + #"{"type":"custom_tool_call","call_id":"c3","name":"patch","input":"*** x"},{"type":"custom_tool_call_output","call_id":"c3","output":[{"type":"input_text","text":"ok"}]}]"#
        #expect(
            try form(#"{"input":\#(input)}"#)
                == #"{"messages":[{"role":"developer","content":"d"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}}]},"#
                + #"{"role":"assistant","content":"wait","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1.0}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},"#
                + #"{"role":"tool","tool_call_id":"c1","content":"42"},{"role":"tool","tool_call_id":"c2","content":"{\"b\" : [1e3]}"},"#
                + #"{"role":"assistant","content":null,"tool_calls":[{"id":"c3","type":"custom","custom":{"name":"patch","input":"*** x"}}]},{"role":"tool","tool_call_id":"c3","content":"ok"}]}"#
        )
    }

    @Test(
        "what is malformed is named as the caller wrote it",
        arguments: [
            (#"{"input":5}"#, "input"), (#"{"input":[5]}"#, "input[0]"),
            (#"{"input":[{"content":"x"}]}"#, "input[0].role"),
            (#"{"input":[{"role":"user"}]}"#, "input[0].content"),
            (#"{"input":[{"role":"tool","content":"x"}]}"#, "input[0].role"),
            (#"{"input":[{"role":"user","content":5}]}"#, "input[0].content"),
            (#"{"input":[{"role":"user","content":[{"type":"input_text"}]}]}"#, "input[0].content[0].text"),
            (#"{"input":[{"role":"user","content":[{"text":"x"}]}]}"#, "input[0].content[0].type"),
            (
                #"{"input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]}"#,
                "input[0].content[0].image_url"
            ),
            (#"{"input":[{"type":"function_call","name":"f"}]}"#, "input[0].call_id"),
            (#"{"input":[{"type":"function_call","call_id":"c"}]}"#, "input[0].name"),
            (#"{"input":[{"type":"function_call_output"}]}"#, "input[0].call_id"),
            (#"{"input":[{"type":"item_reference","id":"x"}]}"#, "input[0].type"),
            (#"{"input":"x","previous_response_id":"resp_1"}"#, "previous_response_id"),
            (#"{"input":"x","conversation":{"id":"c"}}"#, "conversation"),
            (#"{"input":"x","background":true}"#, "background"),
            (#"{"input":"x","instructions":5}"#, "instructions"),
            (#"{"input":"x","text":{"format":5}}"#, "text.format"),
            (#"{"input":"x","tools":[{"type":"function"}]}"#, "tools[0].name"),
            (#"{"input":"x","tool_choice":{"type":"function"}}"#, "tool_choice.name"),
            (#"{"input":"x","tool_choice":{}}"#, "tool_choice.type"),
        ])
    func malformed(_ json: String, _ param: String) { #expect(fault(json) == param) }
}
