/// Suggests what a mistyped name may have meant.
enum NearestNames {
    /// At most two names within a third of the name's length in single-character edits, nearest first.
    static func to(_ name: String, among names: [String]) -> [String] {
        guard name.utf8.count <= 64 else { return [] }
        let wanted = Array(name.lowercased().utf8)
        let allowed = max(1, wanted.count / 3)
        return names.map { ($0, distance(wanted, Array($0.lowercased().utf8))) }
            .filter { $0.1 <= allowed }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.prefix(2).map(\.0)
    }

    /// Levenshtein's edit distance.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        guard !b.isEmpty else { return a.count }
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
}
