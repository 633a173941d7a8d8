import Foundation
import PlaneContract
import Testing

@Suite struct JSONEscapingTests {
    /// As `JSONText` says: NUL cannot be stored, so it is replaced.
    private static func decoded(_ text: String) throws -> String {
        try JSONDecoder().decode(String.self, from: Data(JSONText.quoted(text).utf8))
    }

    @Test("every character is escaped or kept, wherever in the text it stands")
    func anywhere() throws {
        for scalar in (1...0x100).compactMap(Unicode.Scalar.init) + ["€", "😀"] {
            for before in 0...9 {
                let text = String(repeating: "a", count: before) + String(scalar) + "bcdefghi\(scalar)"
                #expect(try Self.decoded(text) == text, "U+\(String(scalar.value, radix: 16)) behind \(before)")
            }
        }
    }

    @Test("controls, quotes, backslashes and DEL are escaped, nothing else")
    func escapes() {
        for scalar in (1..<0x80).compactMap(Unicode.Scalar.init) {
            let isEscaped = scalar.value < 0x20 || scalar == "\"" || scalar == "\\" || scalar.value == 0x7f
            #expect((JSONText.escaped("1234567\(scalar)9") == "1234567\(scalar)9") != isEscaped, "\(scalar.value)")
        }
        #expect(JSONText.escaped("\0") == "\u{fffd}")
    }
}
