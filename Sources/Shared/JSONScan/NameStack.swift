/// Detects duplicate names in objects, whatever their escapes, by hashes of the names of all open objects.
///
/// Two names with the same 64-bit hash count as duplicates; that only happens to requests crafted for it.
struct NameStack {
    /// Objects with more members use a set instead of a linear search.
    private static let linearMax = 24

    private var hashes: [UInt64] = []
    private var sets: [Int: Set<UInt64>] = [:]

    mutating func open() -> Int {
        if hashes.isEmpty { hashes.reserveCapacity(Self.linearMax * 2) }
        return hashes.count
    }

    mutating func close(_ mark: Int) {
        hashes.removeLast(hashes.count - mark)
        if !sets.isEmpty { sets[mark] = nil }
    }

    /// False when the object that began at `mark` already has the name.
    mutating func insert(_ name: UnsafeBufferPointer<UInt8>, since mark: Int) -> Bool {
        let hash = Self.hash(name)
        guard hashes.count - mark >= Self.linearMax else {
            for at in mark..<hashes.count where hashes[at] == hash { return false }
            hashes.append(hash)
            return true
        }
        if sets[mark] == nil { sets[mark] = Set(hashes[mark...]) }
        hashes.append(hash)
        return sets[mark]?.insert(hash).inserted ?? false
    }

    private static func hash(_ name: UnsafeBufferPointer<UInt8>) -> UInt64 {
        if name.contains(0x5c) {
            return JSONString.utf8(name).withUnsafeBufferPointer { mix($0) }
        }
        return mix(name)
    }

    private static func mix(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(bytes.count) &* 0x9e37_79b9_7f4a_7c15
        for byte in bytes {
            hash = (hash ^ UInt64(byte)) &* 0xff51_afd7_ed55_8ccd
            hash ^= hash >> 32
        }
        return hash
    }
}
