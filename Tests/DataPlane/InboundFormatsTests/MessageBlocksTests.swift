import InboundFormats
import JSONScan
import Testing

@Suite struct MessageBlocksTests {
    private func messages(_ json: String) throws -> String {
        let out = try form(#"{"messages":[\#(json)]}"#)
        return String(out.dropFirst(#"{"messages":["#.count).dropLast(2))
    }

    @Test("calls of an assistant become tool_calls, thoughts are left out")
    func calls() throws {
        #expect(
            try messages(
                #"{"role":"assistant","name":"a","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"I look"},{"type":"tool_use","id":"t1","name":"f","input":{"city" : "Bonn \"x\"","n":1.0}},{"type":"tool_use","id":"t2","name":"g","input":{}}]}"#
            )
                == #"{"content":"I look","role":"assistant","name":"a","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"city\" : \"Bonn \\\"x\\\"\",\"n\":1.0}"}},{"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]}"#
        )
        #expect(
            try messages(#"{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f"}]}"#)
                == #"{"content":null,"role":"assistant","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}]}"#
        )
    }

    @Test("a call that stands there in both forms is one call")
    func twice() throws {
        let call = #"{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}"#
        #expect(
            try messages(
                #"{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}],"tool_calls":[\#(call)]}"#
            ) == #"{"content":null,"role":"assistant","tool_calls":[\#(call)]}"#)
    }

    @Test("results come first as messages of their own, their pictures with the rest")
    func results() throws {
        let picture = #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO\/w=="}}"#
        #expect(
            try messages(
                #"{"role":"user","content":[{"type":"text","text":"see"},{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"ok"},\#(picture)]},{"type":"tool_result","tool_use_id":"t2","content":"two","is_error":true},{"type":"tool_result","tool_use_id":"t3"}]}"#
            )
                == #"{"role":"tool","tool_call_id":"t1","content":"ok"},{"role":"tool","tool_call_id":"t2","content":"two"},{"role":"tool","tool_call_id":"t3","content":""},{"content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO\/w=="}}],"role":"user"}"#
        )
        #expect(
            try messages(
                #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]},{"role":"user","content":"y"}"#
            )
                == #"{"role":"tool","tool_call_id":"t","content":"x"},{"role":"user","content":"y"}"#)
    }

    @Test("pictures and parts of Responses inside messages; other messages pass as they are spelt")
    func parts() throws {
        #expect(
            try messages(
                #"{ "role" : "system","content":"s" },{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"image","source":{"type":"url","url":"https://x/y"}},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}"#
            )
                == #"{ "role" : "system","content":"s" },{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y"}},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}],"role":"user"}"#
        )
    }

    @Test(
        "what is malformed is named",
        arguments: [
            (#"{"role":"assistant","content":[{"type":"tool_use","name":"f"}]}"#, "messages[0].content[0].id"),
            (#"{"role":"assistant","content":[{"type":"tool_use","id":"t"}]}"#, "messages[0].content[0].name"),
            (
                #"{"role":"user","content":[{"type":"tool_result","content":"x"}]}"#,
                "messages[0].content[0].tool_use_id"
            ),
            (#"{"role":"user","content":[{"type":"image"}]}"#, "messages[0].content[0].source"),
            (
                #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{}}]}]}"#,
                "messages[0].content[0].content[0].source"
            ),
        ])
    func malformed(_ json: String, _ param: String) { #expect(fault(#"{"messages":[\#(json)]}"#) == param) }
}
