import Sockets

/// Asks as the options say and measures between the lines `begin` and `end` that it prints.
final class Load {
    private static let errorsMax = 1_000
    /// A server may bound what one address opens; ours come from as many as many users would.
    private static let connectionsPerAddress = 64
    private let options: Options
    private let all: [[UInt8]]
    private var nextRequest = 0
    private let poller = Poller()
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    /// By the number of their socket.
    private var callers: [Caller?] = []
    private var readers: [ResponseReader] = []
    private var opened = 0
    private var idle: [Int32] = []
    /// Requests that were due while every connection was busy, oldest first.
    private var waiting: [Int64] = []
    private var isMeasuring = false

    private var requests = 0
    /// Sheds by status, those that said when to come back, and how long they took.
    private var sheds: [Int: Int] = [:]
    private var hinted = 0
    private var shedLatency = Samples()
    private var errors = 0
    private var example = ""
    private var latency = Samples()
    private var firstChunk = Samples()
    private var delay = Samples()
    private var chunks = 0

    init(_ options: Options) {
        self.options = options
        all = options.requests
    }

    func run() {
        let start = now()
        let measured = start + Int64(options.warmup * 1e9)
        let end = measured + Int64(options.seconds * 1e9)
        // A closed loop begins all at once, streams one by one while it warms up, a rate never stops.
        let (count, interval) =
            switch options.mode {
            case .closed: (options.connections, 0.0)
            case .streams: (options.connections, options.warmup * 0.75e9 / Double(options.connections))
            case .rate: (Int.max, 1e9 / Double(options.rate))
            }
        var arrived = 0
        while true {
            let time = now()
            if !isMeasuring, time >= measured {
                isMeasuring = true
                say("begin")
            }
            if time >= end || errors > Self.errorsMax { break }
            var next = Int64.max
            while arrived < count {
                next = start + Int64(Double(arrived) * interval)
                guard next <= time else { break }
                arrived += 1
                arrive(next)
            }
            poller.wait(until: min(arrived < count ? next : .max, isMeasuring ? end : measured), ready)
        }
        say("end")
        if options.mode == .rate { countUnanswered(at: end) }
        say(result)
    }

    /// What is unanswered at the end has waited this long at least; left out, a stall would look like speed.
    private func countUnanswered(at end: Int64) {
        for intended in callers.compactMap({ $0 }).filter(\.isBusy).map(\.intended) + waiting {
            latency.add(end - intended)
        }
    }

    private var result: String {
        var members = [
            "\"mode\":\"\(options.mode)\"", "\"seconds\":\(options.seconds)", "\"requests\":\(requests)",
            "\"errors\":\(errors)", "\"waiting\":\(waiting.count)", "\"connections\":\(opened)",
            latency.json("latency"),
        ]
        if !options.sheds.isEmpty {
            members += options.sheds.map { "\"shed_\($0)\":\(sheds[$0] ?? 0)" }
            members += ["\"hinted\":\(hinted)", shedLatency.json("shed")]
        }
        if options.mode == .streams {
            members += ["\"chunks\":\(chunks)", firstChunk.json("first"), delay.json("delay")]
        }
        let shown = example.map { $0 == "\"" || $0 == "\\" || $0.isNewline ? " " : $0 }
        return "{\(members.joined(separator: ",")),\"example\":\"\(String(shown))\"}"
    }

    /// A request is due: on an idle connection, a new one, or when one gets free.
    private func arrive(_ intended: Int64) {
        if let socket = idle.popLast() { return begin(socket, intended) }
        guard opened < options.connections else { return waiting.append(intended) }
        guard let socket = open() else { return fail("no connection") }
        begin(socket, intended)
    }

    private func open() -> Int32? {
        let host = UInt32(options.from + opened / Self.connectionsPerAddress % 250)
        guard let socket = connect(to: options.port, from: host) else { return nil }
        while callers.count <= Int(socket) {
            callers.append(nil)
            readers.append(ResponseReader())
        }
        readers[Int(socket)] = ResponseReader()
        callers[Int(socket)] = Caller(socket: socket)
        opened += 1
        poller.add(socket)
        return socket
    }

    private func begin(_ socket: Int32, _ intended: Int64) {
        callers[Int(socket)]?.begin(intended: intended)
        callers[Int(socket)]?.number = nextRequest
        nextRequest = (nextRequest + 1) % all.count
        push(socket)
    }

    /// Sends what is left of a request, as far as the connection takes it.
    private func push(_ socket: Int32) {
        guard let caller = callers[Int(socket)] else { return }
        let sent = caller.sent
        let request = all[caller.number]
        let moved = request.withUnsafeBytes { write(socket, UnsafeRawBufferPointer(rebasing: $0[sent...])) }
        switch moved {
        case .bytes(let count):
            callers[Int(socket)]?.sent += count
            let isWhole = sent + count == request.count
            if !isWhole || sent > 0 { poller.change(socket, writing: !isWhole) }
        case .later: poller.change(socket, writing: true)
        case .closed:
            // Refused while its body was on the way: the answer is here, or the reading ends.
            callers[Int(socket)]?.sent = request.count
            poller.change(socket, writing: false)
        }
    }

    private func ready(_ socket: Int32) {
        guard let caller = callers[Int(socket)] else { return }
        if caller.isBusy, caller.sent < all[caller.number].count { push(socket) }
        while true {
            switch read(socket, into: scratch) {
            case .later: return
            case .closed: return broken(socket)
            case .bytes(let count):
                if take(UnsafeRawBufferPointer(rebasing: scratch[..<count]), socket) { finish(socket) }
                if count < scratch.count { return }
            }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer, _ socket: Int32) -> Bool {
        let at = Int(socket), time = now()
        guard let asked = callers[at]?.intended else { return false }
        let isWhole = readers[at].read(bytes) { body in
            guard options.mode == .streams else { return callers[at]?.take(plain: body) ?? () }
            callers[at]?.take(stream: body) { stamp, number in
                if number == 1 { firstChunk.add(time - asked) }
                guard isMeasuring else { return }
                chunks += 1
                delay.add(time - stamp)
            }
        }
        if isWhole, example.isEmpty, readers[at].status != options.expect {
            example = "\(readers[at].status) " + String(decoding: bytes.suffix(400), as: UTF8.self)
        }
        return isWhole
    }

    private func finish(_ socket: Int32) {
        guard let caller = callers[Int(socket)], caller.isBusy else { return broken(socket) }
        let time = now()
        let status = readers[Int(socket)].status
        if options.sheds.contains(status) {
            if isMeasuring {
                sheds[status, default: 0] += 1
                if readers[Int(socket)].saysWhen { hinted += 1 }
                shedLatency.add(time - caller.intended)
            }
        } else if status != options.expect || !caller.isGood(stream: options.mode == .streams) {
            errors += 1
        } else if isMeasuring {
            requests += 1
            latency.add(time - caller.intended)
        }
        callers[Int(socket)]?.isBusy = false
        if readers[Int(socket)].closes {
            drop(socket)
            next(open(), time)
        } else {
            next(socket, time)
        }
    }

    /// What a free connection does next.
    private func next(_ socket: Int32?, _ time: Int64) {
        guard let socket else { return fail("no connection") }
        if options.mode != .rate { return begin(socket, time) }
        if waiting.isEmpty { return idle.append(socket) }
        begin(socket, waiting.removeFirst())
    }

    private func drop(_ socket: Int32) {
        callers[Int(socket)] = nil
        opened -= 1
        idle.removeAll { $0 == socket }
        close(socket)
    }

    private func broken(_ socket: Int32) {
        let isBusy = callers[Int(socket)]?.isBusy ?? false
        drop(socket)
        // An idle connection may be closed at any time; the next request opens another.
        if isBusy {
            fail("connection broken")
            next(open(), now())
        }
    }

    private func fail(_ reason: String) {
        errors += 1
        if example.isEmpty { example = reason }
    }
}
