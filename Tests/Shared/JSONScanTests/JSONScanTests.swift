import JSONScan
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct JSONScannerTests {
    @Test("finds the members and their bytes")
    func members() throws {
        let text = bytes(#" {"a" : 1.50, "b\u0063":[{"x":"]}"},null], "d":"é\"" } "#)
        let members = try JSONScanner.members(of: text)
        #expect(members.map { text.text($0.name) } == ["a", #"b\u0063"#, "d"])
        #expect(
            members.map { String(decoding: text[$0.value], as: UTF8.self) } == [
                "1.50", #"[{"x":"]}"},null]"#, #""é\"""#,
            ])
    }

    @Test(
        "accepts valid documents",
        arguments: [
            "{}", #"{"a":{}}"#, #"{"a":[]}"#, #"{"a":-0.0e+10}"#, #"{"a":"\ud83d\ude00"}"#, #"{"":true}"#,
            "{\"a\":\"\u{2028}\u{10ffff}\"}", #"{"a":[[[1]],{"b":false}]}"#,
        ])
    func accepts(text: String) throws { _ = try JSONScanner.members(of: bytes(text)) }

    @Test(
        "refuses invalid documents",
        arguments: [
            "{", "}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{,"a":1}"#, #"{"a":01}"#, #"{"a":.5}"#, #"{"a":1.}"#,
            #"{"a":+1}"#,
            #"{"a":1e}"#, #"{"a":NaN}"#, #"{"a":tru}"#, #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\ud800"}"#,
            #"{"a":"\udc00"}"#, #"{"a":"\ud800\u0041"}"#, "{\"a\":\"\n\"}", #"{"a":1} {}"#, #"{'a':1}"#,
            #"{"a":[1 2]}"#,
            #"{"a":[1,]}"#, #"{"a":1e999}"#, "{\"a\":\(String(repeating: "9", count: 400))}", "\u{feff}{}",
            "{\"a\":\"\0\"}",
        ])
    func refuses(text: String) { #expect(throws: JSONError.self) { try JSONScanner.members(of: bytes(text)) } }

    @Test(
        "refuses bytes that are not UTF-8",
        arguments: [[0xff], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc3]]
            as [[UInt8]])
    func notUTF8(wrong: [UInt8]) {
        let text = bytes(#"{"a":""#) + wrong + bytes(#""}"#)
        #expect(throws: JSONError.self) { try JSONScanner.members(of: text) }
    }

    @Test("every truncation of a document is refused")
    func truncations() {
        let text = bytes(
            #"{"model":"smart","messages":[{"role":"user","content":"héllo \u00e9 \ud83d\ude00"}],"n":1.5e3,"t":null}"#)
        for end in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONScanner.members(of: Array(text[..<end])) }
        }
    }

    @Test("strings of every length around the fast path's 32 bytes are read to their end", arguments: 0...100)
    func lengths(count: Int) throws {
        for tail in ["", "é", #"\n"#, #"\""#] {
            let text = bytes(#"{"a":""# + String(repeating: "x", count: count) + tail + #"","b":1}"#)
            #expect(try JSONScanner.members(of: text).map { text.text($0.name) } == ["a", "b"])
        }
    }

    @Test("bounds nesting and members, and finds duplicates however they are spelt")
    func bounds() throws {
        let deep = { (n: Int) in
            bytes(#"{"a":"# + String(repeating: "[", count: n) + String(repeating: "]", count: n) + "}")
        }
        _ = try JSONScanner.members(of: deep(JSONScanner.depthMax - 1))
        #expect(throws: JSONError.self) { try JSONScanner.members(of: deep(JSONScanner.depthMax + 1)) }
        #expect(throws: JSONError.self) { try JSONScanner.members(of: deep(100_000)) }
        #expect(throws: JSONError.duplicateKey("model", depth: 1)) {
            try JSONScanner.members(of: bytes(#"{"model":1,"mod\u0065l":2}"#))
        }
        #expect(throws: JSONError.duplicateKey("b", depth: 4)) {
            try JSONScanner.members(of: bytes(#"{"b":[{"b":{"b":1,"a":2,"\u0062":3}}]}"#))
        }
        _ = try JSONScanner.members(of: bytes("{\"caf\u{e9}\":1,\"cafe\u{301}\":2}"))
        let wide = (0..<100).map { "\"k\($0)\":1" }.joined(separator: ",")
        #expect(throws: JSONError.duplicateKey("k3", depth: 2)) {
            try JSONScanner.members(of: bytes("{\"a\":{\(wide),\"k3\":1}}"))
        }
        let many = "{" + (0...JSONScanner.membersMax).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
        #expect(throws: JSONError.tooManyMembers) { try JSONScanner.members(of: bytes(many)) }
        #expect(throws: JSONError.notAnObject) { try JSONScanner.members(of: bytes("[1]")) }
        #expect(throws: JSONError.empty) { try JSONScanner.members(of: bytes("  ")) }
    }
}

@Suite struct JSONViewTests {
    /// The view of a value inside `body`.
    private func view<T>(_ text: String, _ body: (JSONView) throws -> T) throws -> T {
        let all = bytes(#"{"v":"# + text + "}")
        let place = try JSONScanner.members(of: all)[0].value
        return try all.withJSON { try body(JSONView($0, place)) }
    }

    @Test("walks objects and arrays, and knows names however they are spelt")
    func walks() throws {
        try view(#"{ "a" : [ {"b":"}]\"x"} , 2 , [ ] ] , "\u0063" : -7 , "d" : null }"#) { value in
            #expect(value["c"]?.integer == -7 && value["d"]?.isNull == true && value["e"] == nil)
            let list = try #require(value["a"])
            #expect(list.elements.map(\.kind) == [.object, .number, .array] && !list.isEmpty)
            #expect(list.elements.first { _ in true }?["b"]?.string == "}]\"x")
        }
    }

    @Test(
        "whole numbers only",
        arguments: [
            ("1", 1), ("-0", 0), ("1.0", nil), ("1e3", nil), ("9223372036854775807", .max),
            ("9223372036854775808", nil),
            ("-9223372036854775808", .min), ("-9223372036854775809", nil), ("\"5\"", nil),
        ] as [(String, Int64?)])
    func integers(text: String, value: Int64?) throws { #expect(try view(text) { $0.integer } == value) }

    @Test(
        "unescapes", arguments: [(#""\u00e9\n\/\\""#, "é\n/\\"), (#""\ud83d\ude00x""#, "😀x"), (#""plain""#, "plain")])
    func unescapes(text: String, value: String) throws { #expect(try view(text) { $0.string } == value) }

    @Test("strings of every length end where they end", arguments: 0...40)
    func lengths(count: Int) throws {
        for tail in ["", #"\""#, #"\\"#, "é"] {
            let text = String(repeating: "x", count: count) + tail
            try view("[\"\(text)\",1]") { #expect($0.elements.map(\.kind) == [.string, .number]) }
        }
    }
}

extension [UInt8] {
    fileprivate func text(_ range: Range<Int>) -> String { String(decoding: self[range], as: UTF8.self) }
}

@Suite struct JSONSpliceTests {
    private func spliced(_ text: String, _ change: (inout JSONSplice) -> Void) throws -> String {
        let all = bytes(text)
        var splice = JSONSplice(all, try JSONScanner.members(of: all))
        change(&splice)
        return String(decoding: splice.result(), as: UTF8.self)
    }

    @Test("replaces in place and leaves every other byte")
    func replaces() throws {
        #expect(
            try spliced(#"{ "a" : 1.0 , "m":"x","z": [1e3] }"#) { $0.set("m", json: bytes("\"y\"")) }
                == #"{ "a" : 1.0 , "m":"y","z": [1e3] }"#)
    }

    @Test("adds, removes and keeps valid")
    func addsAndRemoves() throws {
        #expect(try spliced(#"{"a":1,"b":2}"#) { $0.remove("a") } == #"{"b":2}"#)
        #expect(try spliced(#"{"a":1}"#) { $0.remove("a") } == "{}")
        #expect(try spliced("{}") { $0.set("n", json: bytes("true")) } == #"{"n":true}"#)
        let both = try spliced(#"{"a":1,"b":2,"c":3}"#) {
            $0.remove("b")
            $0.set("c", json: bytes("9"))
            $0.set("d", json: bytes("4"))
        }
        #expect(both == #"{"a":1,"c":9,"d":4}"#)
        #expect(try spliced(#"{"a":1}"#) { $0.remove("zz") } == #"{"a":1}"#)
    }
}
