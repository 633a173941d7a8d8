import AuditLog
import Testing

/// Two different rows never have the same text, whatever they contain.
@Suite struct AuditRowTests {
    /// Texts that look like the separators between values.
    private static let values: [String?] = [
        nil, "", "-", "-,", ",", "0:", "0:,", "1:a,", "a", "a,1:a", "a,-", "\u{e9}", "e\u{301}", "\n", "a\n",
    ]

    private func text(_ values: [String?]) -> [UInt8] {
        Array(AuditRow(id: 7, values: values).canonicalText.utf8)
    }

    /// Parses the text as a reader without knowledge of the values would.
    private func read(_ text: [UInt8]) -> [[UInt8]?] {
        var rest = text[...]
        var found: [[UInt8]?] = []
        while let mark = rest.first {
            if mark == UInt8(ascii: "-") {
                found.append(nil)
                rest = rest.dropFirst(2)
                continue
            }
            let digits = rest.prefix { $0 != UInt8(ascii: ":") }
            let count = Int(String(decoding: digits, as: UTF8.self)) ?? 0
            rest = rest.dropFirst(digits.count + 1)
            found.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count + 1)
        }
        return found
    }

    @Test("what goes in is what can be read out")
    func readBack() {
        for first in Self.values {
            for second in Self.values {
                for third in Self.values {
                    let fields = [first, second, third]
                    #expect(read(text(fields)) == [Array("7".utf8)] + fields.map { $0.map { Array($0.utf8) } })
                }
            }
        }
    }

    @Test("no two of these rows have one text")
    func different() {
        var seen: Set<[UInt8]> = []
        for first in Self.values {
            for second in Self.values { #expect(seen.insert(text([first, second])).inserted) }
        }
        #expect(seen.count == Self.values.count * Self.values.count)
        #expect(!seen.contains(Array(AuditRow(id: 8, values: [nil, nil]).canonicalText.utf8)))
    }
}
