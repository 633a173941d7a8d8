import GatewayModel
import InboundFormats
import JSONScan
import Testing

@Suite struct InboundToolsTests {
    private func tools(_ json: String) throws -> String {
        let out = try form(#"{"messages":[],"tools":\#(json)}"#)
        return String(out.dropFirst(#"{"messages":[],"tools":"#.count).dropLast())
    }

    @Test("flat and Anthropic's tools are nested, schemas as they are spelt, beside tools in OpenAI's form")
    func nested() throws {
        let nested = #"{"type":"function","function":{"name":"n","parameters":{"maximum":10000000000000001}}}"#
        #expect(
            try tools(
                #"[\#(nested),{"type":"function","name":"f","description":null,"parameters":{"x":1.0},"strict":false},{"name":"a","description":"d","input_schema":{"minimum" : 1e40}},{"type":"custom","name":"t","input_schema":{}},{"name":"bare"}]"#
            )
                == #"[\#(nested),{"type":"function","function":{"name":"f","parameters":{"x":1.0},"strict":false}},{"type":"function","function":{"name":"a","description":"d","parameters":{"minimum" : 1e40}}},{"type":"function","function":{"name":"t","parameters":{}}},{"type":"function","function":{"name":"bare"}}]"#
        )
    }

    @Test("custom tools with their grammar; tools of other kinds pass")
    func custom() throws {
        #expect(
            try tools(
                #"[{"type":"custom","name":"p","format":{"type":"grammar","syntax":"lark","definition":"x"}},{"type":"web_search"}]"#
            )
                == #"[{"type":"custom","custom":{"name":"p","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}}},{"type":"web_search"}]"#
        )
    }

    @Test(
        "a choice in any form",
        arguments: [
            (#"{"type":"function","name":"f"}"#, #"{"type":"function","function":{"name":"f"}}"#),
            (#"{"type":"tool","name":"f"}"#, #"{"type":"function","function":{"name":"f"}}"#),
            (#"{"type":"custom","name":"f"}"#, #"{"type":"custom","custom":{"name":"f"}}"#),
            (#"{"type":"auto"}"#, #""auto""#), (#"{"type":"any"}"#, #""required""#), (#"{"type":"none"}"#, #""none""#),
            (#""required""#, #""required""#),
            (#"{"type":"function","function":{"name":"f"}}"#, #"{"type":"function","function":{"name":"f"}}"#),
            (
                #"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]}"#,
                #"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}"#
            ),
        ])
    func choice(_ foreign: String, _ own: String) throws {
        #expect(try form(#"{"messages":[],"tool_choice":\#(foreign)}"#) == #"{"messages":[],"tool_choice":\#(own)}"#)
    }

    @Test("what is in OpenAI's form is recognised")
    func recognised() throws {
        func areForeign(_ json: String) throws -> Bool {
            let bytes = Array(#"{"tools":\#(json)}"#.utf8)
            let place = try JSONScanner.members(of: bytes)[0].value
            return bytes.withJSON { InboundTools.needConversion(JSONView($0, place)) }
        }
        for own in [
            "[]", #"[{"type":"function","function":{"name":"f"}}]"#, #"[{"function":{},"type":"function"}]"#,
            #"[{"type":"custom","custom":{"name":"f"}}]"#, #"[{"type":"web_search"}]"#, "[5]", "[null]",
        ] { #expect(try !areForeign(own)) }
        for foreign in [
            #"[{"type":"function","function":{}},{"type":"function","name":"f"}]"#,
            #"[{"name":"f","input_schema":{}}]"#,
        ] { #expect(try areForeign(foreign)) }
    }
}
