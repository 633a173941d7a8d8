import Routing
import Testing

@Suite struct NearestNamesTests {
    @Test(
        "a mistyped name finds what was meant",
        arguments: [
            ("gpt-4o-mimi", "gpt-4o-mini"), ("GPT4o-mini", "gpt-4o-mini"), ("claude-opus5", "claude-opus-5"),
            ("llama3.3-70b", "llama-3.3-70b"), ("qwen", "qwen3"),
        ])
    func found(typed: String, meant: String) {
        let names = NearestNames(["gpt-4o-mini", "gpt-4o", "claude-opus-5", "llama-3.3-70b", "qwen3"])
        #expect(names.suggestions(for: typed).first == meant)
    }

    @Test(
        "what is not near is not suggested", arguments: ["", "x", "mistral-large", String(repeating: "g", count: 65)])
    func notFound(typed: String) {
        #expect(NearestNames(["gpt-4o-mini", "claude-opus-5"]).suggestions(for: typed).isEmpty)
    }

    /// The textbook algorithm for the distance, with the full table.
    private func edits(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substitution = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }

    @Test("distances are Levenshtein's as far as they count")
    func distances() {
        var random = SystemRandomNumberGenerator()
        func word() -> String {
            String(
                decoding: (0..<Int.random(in: 1...14, using: &random)).map { _ in
                    UInt8.random(in: 97...100, using: &random)
                }, as: UTF8.self)
        }
        for _ in 0..<4_000 {
            let (typed, name) = (word(), word())
            let allowed = min(NearestNames.editsMax, max(1, typed.utf8.count / 3))
            let isNear = edits(Array(typed.utf8), Array(name.utf8)) <= allowed
            #expect(NearestNames([name]).suggestions(for: typed) == (isNear ? [name] : []), "\(typed) \(name)")
        }
    }

    @Test("of any number of names, few are suggested, the nearest first")
    func many() {
        let names = NearestNames((0..<5_000).map { "model-\($0)" } + ["model-12x"])
        let found = names.suggestions(for: "model-12x")
        #expect(found.first == "model-12x" && found.count <= NearestNames.foundMax)
    }
}
