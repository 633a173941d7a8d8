internal import Reactor

/// What is to be sent on a connection and has not been yet.
struct OutputBuffer {
    private static let capacityKept = 8 << 10

    private(set) var bytes: [UInt8] = []
    private var sent = 0

    var unsent: Int { bytes.count - sent }

    mutating func write(_ body: (inout [UInt8]) -> Void) { body(&bytes) }

    /// A caller who is always a little behind must not keep all that he has had.
    private mutating func dropSent() {
        guard sent >= Self.capacityKept else { return }
        bytes.removeFirst(sent)
        sent = 0
    }

    /// Sends what the socket takes; returns false when the connection is broken.
    mutating func flush(to descriptor: Int32) -> Bool {
        while unsent > 0 {
            let outcome = bytes.withUnsafeBytes {
                Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[sent...]))
            }
            switch outcome {
            case .bytes(let count): sent += count
            case .wouldBlock:
                dropSent()
                return true
            case .ended: return false
            }
        }
        sent = 0
        if bytes.capacity > Self.capacityKept { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        return true
    }
}
