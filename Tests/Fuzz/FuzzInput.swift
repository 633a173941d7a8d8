/// The bytes libFuzzer made, and what all targets do with them. A broken property traps, which libFuzzer reports with the
/// input that did it.
struct FuzzInput {
    let bytes: [UInt8]

    init(_ data: UnsafePointer<UInt8>?, _ count: Int) {
        bytes = Array(UnsafeBufferPointer(start: data, count: count))
    }

    /// The bytes behind the first, in pieces whose sizes the first byte decides: whole, byte by byte, or in between.
    var pieces: [[UInt8]] {
        let rest = bytes.dropFirst()
        guard let first = bytes.first, first > 0 else { return [Array(rest)] }
        var pieces: [[UInt8]] = []
        var at = rest.startIndex
        var size = Int(first)
        while at < rest.endIndex {
            // A short cycle of different sizes reaches more cuts than one size alone.
            size = size * 5 % 37 + 1
            let end = min(at + size, rest.endIndex)
            pieces.append(Array(rest[at..<end]))
            at = end
        }
        return pieces
    }

    var rest: [UInt8] { Array(bytes.dropFirst()) }
}

func require(_ holds: Bool, _ what: @autoclosure () -> String) {
    if !holds { fatalError(what()) }
}
