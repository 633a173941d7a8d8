internal import Reactor

/// Pending output of a connection.
struct OutputBuffer {
    private static let capacityKept = 8 << 10

    private(set) var bytes: [UInt8] = []
    private var sent = 0

    var unsent: Int { bytes.count - sent }

    mutating func write(_ body: (inout [UInt8]) -> Void) { body(&bytes) }

    /// Drops the sent prefix, or a slow reader would keep the whole response in memory.
    private mutating func dropSent() {
        guard sent >= Self.capacityKept else { return }
        bytes.removeFirst(sent)
        sent = 0
    }

    /// Sends what the socket takes; returns false if the connection is broken.
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
