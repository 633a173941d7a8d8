/// Suggests names for a mistyped one.
///
/// Built once per table of names. A look-up costs less than a request, however many names there are: most are skipped
/// by length and letters, and only a few are compared.
package struct NearestNames: Sendable {
    /// Longer names are not compared.
    package static let bytesMax = 64
    /// The cap on the edits allowed, which are a third of the name's length.
    package static let editsMax = 4
    /// Names of similar length that are examined, and those with similar letters that are compared.
    package static let examinedMax = 8_192
    package static let comparedMax = 64
    /// The most names found; the caller may have to drop some.
    package static let foundMax = 8

    private struct Entry {
        var name: String
        var bytes: [UInt8]
        var letters: UInt64
    }

    private let byLength: [[Entry]]

    /// Names longer than `bytesMax` are left out.
    package init(_ names: some Sequence<String>) {
        var byLength = [[Entry]](repeating: [], count: Self.bytesMax + 1)
        for name in names where name.utf8.count <= Self.bytesMax {
            let bytes = Array(name.lowercased().utf8)
            guard bytes.count <= Self.bytesMax else { continue }
            byLength[bytes.count].append(Entry(name: name, bytes: bytes, letters: Self.letters(bytes)))
        }
        self.byLength = byLength
    }

    /// The nearest names first; equally near ones in alphabetical order.
    package func suggestions(for name: String) -> [String] {
        guard name.utf8.count <= Self.bytesMax else { return [] }
        let wanted = Array(name.lowercased().utf8)
        let letters = Self.letters(wanted)
        let allowed = min(Self.editsMax, max(1, wanted.count / 3))
        var found: [(edits: Int, name: String)] = []
        var row: [Int] = []
        for entry in closest(wanted, letters, allowed).prefix(Self.comparedMax) {
            if let edits = Self.edits(wanted, entry.bytes, atMost: allowed, &row) { found.append((edits, entry.name)) }
        }
        return Self.nearest(found)
    }

    /// Entries of similar length, those with the most similar letters first.
    private func closest(_ wanted: [UInt8], _ letters: UInt64, _ allowed: Int) -> [Entry] {
        // An edit changes at most two letters: one disappears, another appears.
        var byDifference = [[Entry]](repeating: [], count: 2 * allowed + 1)
        var seen = 0
        for difference in 0...allowed {
            for length in Set([wanted.count - difference, wanted.count + difference]).sorted()
            where byLength.indices.contains(length) {
                for entry in byLength[length].prefix(Self.examinedMax - seen) {
                    seen += 1
                    let changed = (entry.letters ^ letters).nonzeroBitCount
                    if changed <= 2 * allowed { byDifference[changed].append(entry) }
                }
            }
        }
        return byDifference.flatMap { $0 }
    }

    private static func nearest(_ found: [(edits: Int, name: String)]) -> [String] {
        found.sorted { ($0.edits, $0.name) < ($1.edits, $1.name) }.prefix(foundMax).map(\.name)
    }

    private static func letters(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 | 1 << UInt64($1 & 63) } }

    /// The Levenshtein distance, or `nil` when it is above `limit`.
    ///
    /// Only cells within `limit` of the diagonal are computed (Ukkonen, "Algorithms for approximate string matching",
    /// 1985).
    private static func edits(_ a: [UInt8], _ b: [UInt8], atMost limit: Int, _ row: inout [Int]) -> Int? {
        let far = limit + 1
        guard abs(a.count - b.count) <= limit else { return nil }
        row.removeAll(keepingCapacity: true)
        for j in 0...b.count { row.append(min(j, far)) }
        for i in 1..<(a.count + 1) {
            let first = max(1, i - limit)
            let last = min(b.count, i + limit)
            guard first <= last else { break }
            var diagonal = row[first - 1]
            row[first - 1] = first == 1 ? min(i, far) : far
            var best = row[first - 1]
            for j in first...last {
                let above = j == i + limit ? far : row[j]
                let substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)
                diagonal = row[j]
                row[j] = min(substitution, row[j - 1] + 1, above + 1, far)
                best = min(best, row[j])
            }
            if best > limit { return nil }
        }
        return row[b.count] <= limit ? row[b.count] : nil
    }
}
