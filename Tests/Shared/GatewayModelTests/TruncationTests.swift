import GatewayModel
import Testing

@Suite struct TruncationTests {
    @Test(
        "a text is cut by bytes, between two scalars",
        arguments: [
            ("abc", 3, "abc"), ("abc", 2, "ab"), ("abc", 0, ""), ("é", 1, ""), ("aé", 2, "a"), ("aéb", 3, "aé"),
            ("☃☃", 5, "☃"),
            ("😀😀", 4, "😀"), ("😀😀", 7, "😀"), ("", 5, ""),
        ])
    func cut(text: String, max: Int, kept: String) { #expect(text.truncated(toBytes: max) == kept) }

    @Test("one character of any length is cut like any other text")
    func cluster() {
        let name = "e" + String(repeating: "\u{301}", count: 100_000)
        #expect(name.count == 1)
        #expect(name.truncated(toBytes: 128).utf8.count == 127)
        #expect(name.utf8.starts(with: name.truncated(toBytes: 128).utf8))
    }
}
