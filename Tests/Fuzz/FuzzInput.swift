/// The bytes libFuzzer made, with helpers for all targets.
///
/// A violated property traps, which libFuzzer reports with the input.
struct FuzzInput {
    let bytes: [UInt8]

    init(_ data: UnsafePointer<UInt8>?, _ count: Int) {
        bytes = Array(UnsafeBufferPointer(start: data, count: count))
    }

    /// The bytes after the first, in pieces whose sizes the first byte determines: whole, byte by byte, or in between.
    var pieces: [[UInt8]] {
        let rest = bytes.dropFirst()
        guard let first = bytes.first, first > 0 else { return [Array(rest)] }
        var pieces: [[UInt8]] = []
        var at = rest.startIndex
        var size = Int(first)
        while at < rest.endIndex {
            // A short cycle of different sizes reaches more splits than one size.
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
