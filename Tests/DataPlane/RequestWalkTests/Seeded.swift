import GatewayModel

/// A small generator, so that a failing seed replays exactly.
struct Seeded: RandomNumberGenerator {
    private var random: SplitMix64

    init(_ seed: Int) {
        random = SplitMix64(state: UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 &+ 0x1234_5678_9abc_def1)
    }

    mutating func next() -> UInt64 { random.next() }

    /// True once in `n` calls on average.
    mutating func once(in n: Int) -> Bool { Int.random(in: 0..<n, using: &self) == 0 }

    mutating func pick<T>(_ items: [T]) -> T { items[Int.random(in: 0..<items.count, using: &self)] }

    /// The bytes split at random places: usually into one or a few pieces, sometimes byte by byte.
    mutating func cut(_ bytes: [UInt8]) -> [[UInt8]] {
        let sizeMax = pick([bytes.count, bytes.count, 100, 40, once(in: 20) ? 1 : 300])
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let size = Int.random(in: 1...max(1, sizeMax), using: &self)
            pieces.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return pieces
    }
}
