import Foundation
import RequestWalk
import Testing

@Suite struct NormalisedTextTests {
    private static func growth(_ text: String) -> Int {
        Int(Array(text.utf8).withUnsafeBufferPointer(NormalisedText.growth))
    }

    private static func longest(_ text: String) -> Int {
        max(
            text.precomposedStringWithCanonicalMapping.utf8.count,
            text.precomposedStringWithCompatibilityMapping.utf8.count)
    }

    private static let scalars = (0x80...0x2_ffff).compactMap(Unicode.Scalar.init)

    /// Characters that grow, marks that separate others, and characters next to them.
    private static let odd: [Unicode.Scalar] =
        scalars.filter { growth(String($0)) > 0 } + "aàêẫΆが한क़é 中".unicodeScalars

    @Test("no character gains more than is said of it")
    func characters() {
        for scalar in Self.scalars {
            let text = String(scalar)
            #expect(Self.longest(text) <= text.utf8.count + Self.growth(text), "U+\(String(scalar.value, radix: 16))")
        }
    }

    @Test("nor does any text")
    func texts() {
        var random = Seeded(1)
        for _ in 0..<20_000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 1...6, using: &random) { text.append(random.pick(Self.odd)) }
            let given = String(text)
            #expect(Self.longest(given) <= given.utf8.count + Self.growth(given), "\(text.map(\.value))")
        }
    }

    @Test("a spelling by escapes hides nothing")
    func escapes() {
        for scalar in Self.scalars where scalar.value < 0x1_0000 {
            let digits = String(scalar.value, radix: 16)
            let spelt = "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            #expect(Self.longest(String(scalar)) <= 6 + Self.growth(spelt), "\(spelt)")
        }
    }

    @Test(
        "ordinary text gains nothing",
        arguments: [
            "The quick brown fox — “jumps” over… the lazy dog.", "Привет, как дела?", "网关在发送之前保留一笔款项。", "日本語のテキスト",
            "नमस्ते दुनिया", "สวัสดีชาวโลก", "مرحبا بالعالم", "Grüße aus Ærøskøbing, café", "👩‍👩‍👧‍👦", #"{"a":"\\u\n\t\u0442"}"#,
        ])
    func ordinary(text: String) { #expect(Self.growth(text) == 0) }

    @Test(
        "wherever a character that grows stands among others, it is counted",
        arguments: ["ﷺ", #"\ufdfa"#, "é", #"\n"#, #"\\ufdfa"#])
    func anywhere(text: String) {
        for before in 0...17 {
            for after in 0...17 {
                let padded = String(repeating: "x", count: before) + text + String(repeating: "y", count: after)
                #expect(Self.growth(padded) == Self.growth(text), "\(before) before, \(after) after")
            }
        }
    }

    @Test("the dearest")
    func dearest() {
        #expect(Self.growth("ﷺ") == 30 && Self.growth(#"\ufdfa"#) == 27 && Self.growth(#"\uFDFA"#) == 27)
    }
}
