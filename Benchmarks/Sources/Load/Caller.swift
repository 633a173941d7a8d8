import Sockets

/// One connection and the request that runs on it.
struct Caller {
    let socket: Int32
    /// When the request was to be sent, which in mode `rate` may be before it could be.
    var intended: Int64 = 0
    var isBusy = false
    var sent = 0
    /// Which of the requests.
    var number = 0
    private var last: UInt8 = 0
    /// The tail of a stream that is not yet an event.
    private var pending: [UInt8] = []
    private var isDone = false
    private var chunks = 0

    init(socket: Int32) { self.socket = socket }

    mutating func begin(intended: Int64) {
        self.intended = intended
        (isBusy, sent, last, isDone, chunks) = (true, 0, 0, false, 0)
        pending.removeAll(keepingCapacity: true)
    }

    /// Whether the body that has come ended as it should: a stream with `[DONE]`, anything else as JSON.
    func isGood(stream: Bool) -> Bool { stream ? isDone && chunks > 0 : last == UInt8(ascii: "}") }

    mutating func take(plain bytes: UnsafeRawBufferPointer) { if let byte = bytes.last { last = byte } }

    /// Calls back with the time of sending that each chunk carries, and the chunk's number from 1.
    mutating func take(stream bytes: UnsafeRawBufferPointer, _ stamped: (Int64, Int) -> Void) {
        guard pending.isEmpty else {
            pending.append(contentsOf: bytes)
            let whole = pending
            let used = whole.withUnsafeBytes { events($0, stamped) }
            return pending.removeFirst(used)
        }
        let used = events(bytes, stamped)
        pending.append(contentsOf: bytes[used...])
    }

    /// Returns how many bytes made whole events.
    private mutating func events(_ bytes: UnsafeRawBufferPointer, _ stamped: (Int64, Int) -> Void) -> Int {
        var start = 0
        while let end = bytes.find("\n\n", from: start) {
            let event = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            if let mark = event.find(#""@"#) {
                chunks += 1
                stamped(Int64(event.number(from: mark + 2)), chunks)
            } else if event.find("[DONE]") != nil {
                isDone = true
            }
            start = end + 2
        }
        return start
    }
}
