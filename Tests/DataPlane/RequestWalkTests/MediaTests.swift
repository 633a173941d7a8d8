import GatewayModel
import RequestWalk
import Testing

/// Parts whose tokens cannot be counted, in every shape they come in.
@Suite struct MediaTests {
    private func walked(_ part: String) -> Walker {
        var walker = Walker(dialects: ["vllm"])
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Array(#"{"model":"smart","messages":[{"role":"user","content":[\#(part)]}]}"#.utf8)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        return walker
    }

    @Test(
        "what has no bound is refused before money is asked for, by its place",
        arguments: [
            (#"{"type":"file","file":{"file_id":"file-1"}}"#, "messages[0].content[0].file.file_id"),
            (#"{"type":"f\u0069le","fil\u0065":{"file\u005fid":"file-1"}}"#, "messages[0].content[0].file.file_id"),
            (#"{"type":"input_file","file_id":"file-1"}"#, "messages[0].content[0].file.file_id"),
            (#"{"type":"file","file":{"file_data":"data:application/pdf;base64,AA"}}"#, "messages[0].content[0]"),
            (#"{"type":"file","file":{"file_data":"https://example.com/a.pdf"}}"#, "messages[0].content[0]"),
            (#"{"type":"file","file":{"file_data":"JVBERi0"}}"#, "messages[0].content[0]"),
            (#"{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}"#, "messages[0].content[0]"),
            (#"{"type":"video_url","video_url":{"url":"https://example.com/a.mp4"}}"#, "messages[0].content[0]"),
            (#"{"type":"image_url","image_url":{"url":"data:video/mp4;base64,AA"}}"#, "messages[0].content[0]"),
            (#"{"type":"image_url","image_url":"DATA:APPLICATION/PDF;base64,AA"}"#, "messages[0].content[0]"),
            (
                #"{"type":"image_url","image_url":{"url":"\u0064\u0061\u0074\u0061:audio/wav;base64,AA"}}"#,
                "messages[0].content[0]"
            ),
            (#"{"type":"image_embeds","image_embeds":"AA"}"#, "messages[0].content[0].type"),
            (#"{"type":"tool_use","id":"c","name":"f"}"#, "messages[0].content[0].type"),
        ])
    func refused(part: String, param: String) {
        let walker = walked(part)
        #expect(walker.status == 400 && walker.written.contains(#""param":"\#(param)""#), "\(walker.written)")
        #expect(walker.askedHold == .zero)
    }

    @Test("a file of text is held for by its bytes")
    func text() {
        let file = #"{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,aGk="}}"#
        #expect(walked(file).status == nil && walked(file).askedHold > .zero)
    }
}
