import GatewayModel
import KeyMaterial
import RequestWalk
import Testing

/// Bodies in another API's format are treated like their equivalent in OpenAI's.
@Suite struct ForeignRequestTests {
    private func walked(_ json: String, authorized head: RequestHead = Walker.head()) -> Walker {
        var walker = Walker(dialects: ["vllm"])
        walker.feed(.head(head))
        walker.feed(.body(Array(json.utf8)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        if walker.status == nil { walker.feed(.admitAnswered(Walker.admission(holding: walker.askedHold))) }
        return walker
    }

    private func sent(_ walker: Walker) -> String? {
        for action in walker.actions {
            if case .startAttempt(let request) = action { return String(decoding: request.body, as: UTF8.self) }
        }
        return nil
    }

    @Test(
        "they are held for as what is sent, and sent in OpenAI's form",
        arguments: [
            (
                #"{"model":"smart","input":"hi","max_output_tokens":9}"#,
                #"{"model":"smart","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":9}"#
            ),
            (
                #"{"model":"smart","input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":{"a":["\"","\""]}}]}"#,
                #"{"model":"smart","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"{\"a\":[\"\\\"\",\"\\\"\"]}"}]}"#
            ),
            (
                #"{"model":"smart","messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":{"x":1.0}}]}"#,
                #"{"model":"smart","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"x":1.0}}}]}"#
            ),
        ])
    func same(_ foreign: String, _ own: String) {
        let (one, two) = (walked(foreign), walked(own))
        #expect(one.askedHold == two.askedHold && one.askedHold > .zero)
        #expect(sent(one) != nil && sent(one) == sent(two))
    }

    @Test("a body in OpenAI's form is sent byte for byte but for the model's name")
    func untouched() {
        let body =
            #"{ "model" : "smart","messages":[ {"role":"user","content":[{"type":"text" , "text":"\u0061"}]} ],"tools":[ {"type":"function","function":{"name":"f"}} ],"tool_choice":{"type":"function","function":{"name":"f"}},"max_tokens" : 9,"reasoning":{"max_tokens":5} }"#
        #expect(sent(walked(body)) == body.replacing(#""smart""#, with: #""real-1""#))
    }

    @Test("an image counts as one, whatever it is called")
    func images() {
        let source = #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"#
        let walker = walked(#"{"model":"smart","messages":[{"role":"user","content":[\#(source)]}]}"#)
        #expect(walker.status == 400 && walker.written.contains("cannot read images"))
    }

    @Test(
        "what is malformed is a 400 that names the member",
        arguments: [
            (#"{"model":"smart","input":[]}"#, "input"), (#"{"model":"smart","input":null}"#, "messages"),
            (#"{"model":"smart","messages":null,"input":5}"#, "input"),
            (#"{"model":"smart","input":"x","max_output_tokens":1.5}"#, "max_output_tokens"),
            (
                #"{"model":"smart","input":[{"role":"user","content":[{"type":"input_image","image_url":"ftp://x"}]}]}"#,
                "input"
            ),
            (#"{"model":"smart","input":"x","n":200}"#, "n"),
        ])
    func malformed(_ body: String, _ param: String) {
        let walker = walked(body)
        #expect(walker.status == 400 && walker.written.contains(#""param":"\#(param)""#), "\(walker.written)")
    }

    @Test("the key may stand where clients of other APIs put it; two that differ are refused")
    func keys() {
        let body = #"{"model":"smart","messages":[{"role":"user","content":"hi"}]}"#
        let key = Walker.key.secret.reveal()
        var head = Walker.head()
        head.apiKeys = [key, key]
        #expect(sent(walked(body, authorized: head)) != nil)
        head.apiKeys = ["a proxy's"]
        #expect(sent(walked(body, authorized: head)) != nil)
        head.apiKeys = ["sk-hub-other"]
        #expect(walked(body, authorized: head).status == 401)
        head.authorization = nil
        head.apiKeys = [key]
        #expect(sent(walked(body, authorized: head)) != nil)
        head.apiKeys = [key, "sk-hub-other"]
        #expect(walked(body, authorized: head).status == 401)
        head.apiKeys = ["a proxy's"]
        #expect(walked(body, authorized: head).status == 401)
    }
}
