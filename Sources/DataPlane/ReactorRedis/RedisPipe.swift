internal import GatewayModel
package import Reactor
package import Redis
package import TLS

/// One connection to Redis on a reactor, with automatic pipelining: all commands of a turn leave in one write.
///
/// Patient commands, such as settles, leave with the next command a client waits for, or on their own a little later:
/// that saves both sides a system call and a wake-up each.
///
/// A pipe never reconnects. When it breaks, calls in flight fail with `connectionLost`, and its owner decides what that
/// means for the accounting.
package final class RedisPipe: EventSource, TurnHook {
    /// Gets the reply, or why there is none, on the reactor.
    package typealias Completion = (Result<RESPValue, RedisError>) -> Void

    /// Calls that may await a reply at once. Further calls fail with `notConnected`.
    package static let waitersMax = 16_384
    /// Bytes of one reply, unless a pipe is made for more. A longer one closes the connection.
    package static let replyBytesMax = 1 << 20
    /// A patient command expires after this many deadlines: sooner, it would only be sent again to a Redis that is
    /// already slow.
    private static let patientDeadlines: Int64 = 20
    /// How long a patient command may wait for others to leave with.
    private static let patientMs: Int64 = 5
    /// After this many calls in a row have expired without any reply, further ones fail at once, except patient ones,
    /// until a reply arrives after all.
    private static let expiriesMax = 3
    /// How long Redis may stay silent after that before the connection is closed as dead. Whether it answers again
    /// then shows in the handshake of the owner's next connection.
    private static let giveUpMs: Int64 = 500

    private struct Waiter {
        var completion: Completion?
        var isPatient: Bool
        /// When the command was handed to the socket.
        var sentUs = Int64.max
    }

    private let reactor: Reactor
    private let descriptor: Int32
    /// `nil` for plain text.
    private let tls: TLSSocket?
    private let deadlineMs: Int64
    private let onClose: () -> Void
    private let readBuffer: UnsafeMutableRawBufferPointer
    private var reader: RESPReader
    private var output: [UInt8] = []
    private var isBlocked = false
    /// When `output` is flushed at the latest.
    private var flushAtMs = Int64.max
    private var waiters: [Waiter] = []
    private var answered = 0
    /// Waiters whose commands were handed to the socket.
    private var sent = 0
    /// Index of the first pending waiter of each kind; earlier ones of that kind have been answered or have expired.
    private var expired = (eager: 0, patient: 0)
    private var expiredSinceReply = 0
    private var frozenSinceMs: Int64?
    private var isClosed = false

    /// - Parameters:
    ///   - deadlineMs: how long a call may wait for its reply.
    ///   - readBuffer: shared with others of the reactor; used only during a read.
    ///   - onClose: runs once, after the calls in flight have failed.
    package init(
        _ link: RedisLink, on reactor: Reactor, deadlineMs: Int64, readBuffer: UnsafeMutableRawBufferPointer,
        replyBytesMax: Int = RedisPipe.replyBytesMax, onClose: @escaping () -> Void
    ) {
        reader = RESPReader(replyBytesMax: replyBytesMax)
        descriptor = link.descriptor
        tls = link.tls
        self.reactor = reactor
        self.deadlineMs = deadlineMs
        self.readBuffer = readBuffer
        self.onClose = onClose
        reactor.watch(descriptor, for: .readable, self)
        reactor.add(self)
    }

    /// Queues a command that `encode` writes in RESP form; `completion` runs exactly once.
    ///
    /// The deadline counts from the flush that sends the command. After it the call fails with `deadlineExceeded`, and
    /// a late reply is dropped.
    ///
    /// - Parameter patient: no client waits for the reply: the command is sent a little later, has a longer deadline,
    ///   and is accepted even while Redis seems frozen.
    package func call(_ encode: (inout [UInt8]) -> Void, patient: Bool = false, _ completion: @escaping Completion) {
        guard !isClosed, frozenSinceMs == nil || patient, waiters.count - answered < Self.waitersMax else {
            return completion(.failure(.notConnected))
        }
        encode(&output)
        flushAtMs = min(flushAtMs, patient ? reactor.nowMs + Self.patientMs : 0)
        waiters.append(Waiter(completion: completion, isPatient: patient))
    }

    /// Microseconds from the flush to the reply whose completion is running; the deadline for a call that expired.
    package private(set) var tookUs: Int64 = 0
    private var receivedUs: Int64 = 0

    /// Bytes queued and not yet sent.
    package var unsentBytes: Int { output.count }

    /// Why the connection broke, if it was for TLS.
    package var tlsFailure: TLSError? { tls?.failure }

    /// Closes the connection; calls in flight fail with `connectionLost`.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        reactor.unwatch(descriptor)
        reactor.remove(self)
        tls?.end()
        Socket.close(descriptor)
        let lost = waiters[answered...]
        waiters = []
        answered = 0
        sent = 0
        expired = (0, 0)
        for waiter in lost { waiter.completion?(.failure(.connectionLost)) }
        onClose()
    }

    // MARK: Turns

    /// The next flush or expiry.
    package var dueMs: Int64 {
        let flush = output.isEmpty || isBlocked ? Int64.max : flushAtMs
        return min(flush, expiryMs, frozenSinceMs.map { $0 + Self.giveUpMs } ?? .max)
    }

    /// When the next pending call expires.
    private var expiryMs: Int64 { min(expiryMs(of: expired.eager, false), expiryMs(of: expired.patient, true)) }

    private func expiryMs(of at: Int, _ patient: Bool) -> Int64 {
        guard at < sent, waiters[at].isPatient == patient else { return .max }
        return waiters[at].sentUs / 1_000 + (patient ? deadlineMs * Self.patientDeadlines : deadlineMs)
    }

    /// Sends what is due, and fails what has expired.
    package func turnEnds() {
        if !isBlocked, flushAtMs <= reactor.nowMs { flush() }
        passAnswered()
        guard expiryMs <= reactor.nowMs else { return giveUpFrozen() }
        // After a long turn the reply may already be in the socket: then this loop is late, not Redis.
        receive()
        guard !isClosed else { return }
        passAnswered()
        expire(\.eager, false)
        if !isClosed { expire(\.patient, true) }
        if !isClosed { giveUpFrozen() }
    }

    private func flush() {
        guard !output.isEmpty, !isClosed else { return }
        flushAtMs = .max
        let now = Reactor.clockUs()
        while sent < waiters.count {
            waiters[sent].sentUs = now
            sent += 1
        }
        switch output.withUnsafeBytes({ tls?.send($0) ?? Socket.send(descriptor, $0) }) {
        case .bytes(let count) where count == output.count: output.removeAll(keepingCapacity: true)
        case .bytes(let count):
            output.removeFirst(count)
            block(true)
        case .wouldBlock: block(true)
        case .ended: close()
        }
    }

    private func block(_ blocked: Bool) {
        guard blocked != isBlocked else { return }
        isBlocked = blocked
        reactor.change(descriptor, to: blocked ? .readable | .writable : .readable)
    }

    /// Moves both indexes to the first pending waiter of their kind. All of a kind have the same deadline, so it
    /// expires first.
    private func passAnswered() {
        pass(&expired.eager, false)
        pass(&expired.patient, true)
    }

    private func pass(_ at: inout Int, _ patient: Bool) {
        at = max(at, answered)
        while at < sent, waiters[at].completion == nil || waiters[at].isPatient != patient { at += 1 }
    }

    private func expire(_ place: WritableKeyPath<(eager: Int, patient: Int), Int>, _ patient: Bool) {
        while expiryMs(of: expired[keyPath: place], patient) <= reactor.nowMs {
            let at = expired[keyPath: place]
            let completion = waiters[at].completion
            waiters[at].completion = nil
            expiredSinceReply += 1
            tookUs = deadlineMs * 1_000
            completion?(.failure(.deadlineExceeded))
            guard !isClosed else { return }
            pass(&expired[keyPath: place], patient)
        }
    }

    private func giveUpFrozen() {
        guard expiredSinceReply >= Self.expiriesMax else { return }
        let since = frozenSinceMs ?? reactor.nowMs
        frozenSinceMs = since
        if reactor.nowMs - since >= Self.giveUpMs { close() }
    }

    // MARK: Replies

    /// Sends, and reads replies.
    package func ready(_ readiness: Readiness) {
        if readiness.has(.writable) {
            block(false)
            flush()
        }
        guard !isClosed else { return }
        receive()
    }

    private func receive() {
        switch Socket.receive(descriptor, into: readBuffer) {
        case .wouldBlock: return
        case .ended: return close()
        case .bytes(let count):
            receivedUs = Reactor.clockUs()
            if let tls { decrypt(count, tls) } else { parse(count) }
        }
    }

    private func decrypt(_ received: Int, _ tls: TLSSocket) {
        tls.receive(UnsafeRawBufferPointer(rebasing: readBuffer[..<received]))
        while !isClosed {
            switch tls.read(into: readBuffer) {
            case .wouldBlock: return
            case .ended: close()
            case .bytes(let count): parse(count)
            }
        }
    }

    private func parse(_ count: Int) {
        do throws(RedisError) {
            try reader.feed(UnsafeRawBufferPointer(rebasing: readBuffer[..<count]))
            while !isClosed, let reply = try reader.next() { deliver(reply) }
        } catch {
            close()
        }
    }

    private func deliver(_ reply: RESPValue) {
        expiredSinceReply = 0
        frozenSinceMs = nil
        guard answered < sent else { return close() }
        let completion = waiters[answered].completion
        tookUs = receivedUs - waiters[answered].sentUs
        waiters[answered].completion = nil
        answered += 1
        if answered == waiters.count {
            waiters.removeAll(keepingCapacity: true)
            (answered, sent, expired) = (0, 0, (0, 0))
        } else if answered >= 1_024 {
            waiters.removeFirst(answered)
            sent -= answered
            expired = (max(0, expired.eager - answered), max(0, expired.patient - answered))
            answered = 0
        }
        if case .error(let message) = reply {
            completion?(.failure(.refused(message)))
            // Redis has failed over: reconnecting finds the new primary.
            if message.hasPrefix("READONLY") || message.hasPrefix("MOVED") { close() }
        } else {
            completion?(.success(reply))
        }
    }

    /// Never requested: deadlines are checked when a turn ends.
    package func deadlineReached() {}
}
