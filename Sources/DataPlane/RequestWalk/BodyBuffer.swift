internal import ResponseCache

/// The body of a request while it arrives.
struct BodyBuffer {
    private(set) var bytes: [UInt8] = []
    private(set) var isComplete = false
    /// Bytes of an unwanted body that were dropped.
    private(set) var dropped = 0
    /// Fed while the body arrives, if the request may be cached.
    private(set) var digest: CanonicalDigest?

    mutating func computeDigest() { digest = CanonicalDigest() }

    mutating func complete() { isComplete = true }

    /// Frees the bytes.
    mutating func clear() { bytes = [] }

    mutating func drop(_ count: Int) { dropped += count }

    /// Space for the announced length is reserved once this fraction (a quarter) of it has arrived.
    private static let lengthIsBelievedAt = 4

    /// Appends without doubling: that could leave as much unused capacity as the body takes. No space is reserved for a
    /// length that is only announced.
    mutating func append(_ new: [UInt8], announced: Int?) {
        digest?.feed(new)
        guard !bytes.isEmpty else { return bytes = new }
        let count = bytes.count + new.count
        if count > bytes.capacity, let length = announced, count <= length, count * Self.lengthIsBelievedAt >= length {
            bytes.reserveCapacity(length)
        }
        bytes += new
    }
}
