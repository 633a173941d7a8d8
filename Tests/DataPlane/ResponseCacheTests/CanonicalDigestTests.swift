import GatewayModel
import ResponseCache
import Testing

@Suite struct CanonicalDigestTests {
    static func digest(_ text: String) -> [UInt8]? { digest(Array(text.utf8), cuts: []) }

    /// The digest when fed in the pieces between `cuts`.
    static func digest(_ bytes: [UInt8], cuts: [Int]) -> [UInt8]? {
        var made = CanonicalDigest()
        var at = 0
        for end in cuts + [bytes.count] where end > at {
            made.feed(Array(bytes[at..<end]))
            at = end
        }
        return made.finish()
    }

    @Test(
        "the digest is that of the sorted text without space",
        arguments: [
            // SHA-256 of {} and of {"a":1,"b":[true,null,"x y"]}, by sha256sum.
            (" { } ", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
            (
                "{\"b\" : [ true,null , \"x y\"],\n\t\"a\":1}",
                "c15b3a16b33ed4c752c9ff74a074fe1f89f64c9261033c15c8a17758c6da47b3"
            ),
        ])
    func vectors(text: String, expected: String) {
        let digits = Self.digest(text).map { $0.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) } }
        #expect(digits?.joined() == expected)
    }

    @Test(
        "order of members and space change nothing",
        arguments: [
            (#"{"a":1,"b":2}"#, #"{"b":2,"a":1}"#),
            (#"{"a":{"x":[],"y":{}},"b":"t"}"#, " {\"b\" : \"t\" ,\r\n\"a\":{ \"y\" : { }, \"x\" :[ ] } }\n"),
            (#"{"m":[{"role":"user","content":"hi"},2]}"#, #"{"m":[{"content":"hi","role":"user"},2]}"#),
            (#"{"a b":1,"a":2,"":3}"#, #"{"":3,"a":2,"a b":1}"#),
        ])
    func same(one: String, other: String) {
        #expect(Self.digest(one) != nil && Self.digest(one) == Self.digest(other))
    }

    @Test(
        "anything else does",
        arguments: [
            (#"{"a":1}"#, #"{"a":1.0}"#), (#"{"a":1}"#, #"{"a":"1"}"#), (#"{"a":1}"#, #"{"a":1e0}"#),
            (#"{"a":0}"#, #"{"a":-0}"#), (#"{"a":null}"#, #"{}"#), (#"{"a":[]}"#, #"{"a":{}}"#),
            (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#), (#"{"a":[1,2]}"#, #"{"a":[12]}"#),
            (#"{"a":[[1],2]}"#, #"{"a":[[1,2]]}"#),
            (#"{"a":"x"}"#, #"{"a":"x "}"#), (#"{"a":"\u0061"}"#, #"{"a":"a"}"#), (#"{"\u0061":1}"#, #"{"a":1}"#),
            (#"{"a":true}"#, #"{"a":false}"#), (#"{"a":{"b":1},"c":2}"#, #"{"a":{"b":1,"c":2}}"#),
            (#"{"a":"\"b\":1"}"#, #"{"a":"","b":1}"#), (#"{"a":"é"}"#, #"{"a":"e"}"#),
        ])
    func differs(one: String, other: String) {
        #expect(Self.digest(one) != nil && Self.digest(other) != nil && Self.digest(one) != Self.digest(other))
    }

    @Test(
        "a value counts on both sides of the size above which it is hashed by itself",
        arguments: [255, 256, 257, 9_000])
    func sizes(count: Int) {
        let text = String(repeating: "y", count: count - 2)
        let one = #"{"v":"\#(text)","w":[1]}"#
        #expect(Self.digest(one) == Self.digest(#"{ "w":[ 1 ],"v":"\#(text)"}"#))
        #expect(Self.digest(one) != Self.digest(#"{"v":"\#(text.dropLast())x","w":[1]}"#))
        #expect(Self.digest(one) != Self.digest(#"{"v":"x\#(text.dropFirst())","w":[1]}"#))
    }

    @Test(
        "what is not one whole object or value has no digest",
        arguments: ["", " ", "{", "[1", "{}{}", "{}x", "]", #"{"a"#])
    func broken(text: String) { #expect(Self.digest(text) == nil) }

    @Test("what is beyond a bound has no digest, and costs nothing more")
    func bounds() {
        let deep = String(repeating: "[", count: CanonicalDigest.depthMax + 1)
        #expect(Self.digest(deep + String(repeating: "]", count: CanonicalDigest.depthMax + 1)) == nil)
        let members = (0...CanonicalDigest.membersMax).map { "\"\($0)\":1" }.joined(separator: ",")
        #expect(Self.digest("{\(members)}") == nil)
        let long = String(repeating: "n", count: CanonicalDigest.keptBytesMax + 1)
        #expect(Self.digest("{\"\(long)\":1}") == nil)
        #expect(Self.digest("{\"a\":\"\(long)\"}") != nil)
    }

    @Test("cuts, order and space never matter; one changed byte of a value always does", arguments: 0..<300)
    func property(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let document = TestJSON(&random, depth: 4)
        let plain = Array(document.text(&random, isShuffled: false).utf8)
        let digest = Self.digest(plain, cuts: [])
        #expect(digest != nil)
        for _ in 0..<4 {
            let other = Array(document.text(&random, isShuffled: true).utf8)
            let cuts = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                Int.random(in: 0...other.count, using: &random)
            }
            #expect(Self.digest(other, cuts: cuts.sorted()) == digest, "\(String(decoding: other, as: UTF8.self))")
        }
        #expect(Self.digest(plain, cuts: Array(0..<plain.count)) == digest)
        var changed = document
        changed.changeOneScalar(&random)
        #expect(Self.digest(changed.text(&random, isShuffled: true)) != digest)
    }

    /// The digest is fed before the body has been validated.
    @Test(arguments: [
        #"{"a":{"b"}}"#, #"{"a"}"#, #"{"a","b":1}"#, #"{"a":1 2}"#, #"{"a":1 "b":2}"#, #"{"a":{} {}}"#,
        #"{"a":[1] {"b"},"#,
        #"{"a":{"b":1 "\#(String(repeating: "x", count: 9000))"}}"#,
        #"[{"\#(String(repeating: "n", count: 900))"},{"a"}]"#,
    ])
    func whatIsNoJSONHasNoDigest(text: String) {
        var digest = CanonicalDigest()
        digest.feed(Array(text.utf8))
        #expect(digest.finish() == nil)
    }
}
