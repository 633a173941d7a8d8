internal import Admission
internal import GatewayModel
internal import Logging
internal import Operations
internal import Reactor
internal import Redis
internal import ResponseCache

/// A reactor's one connection to the cache Redis. Whatever is wrong with that Redis, requests go on without it: a call waits
/// for the deadline at most, and after several late ones in a row none is made for a while.
final class CacheConnection: @unchecked Sendable {
    private static let reconnectMsMin: Int64 = 50
    private static let reconnectMsMax: Int64 = 2_000
    private static let connectMs = 2_000
    /// Bytes that wait to be sent: beyond them calls are not made.
    private static let unsentBytesMax = 8 << 20
    /// Late replies in a row before the connection rests, and for how long. One that is late after that makes it rest again.
    private static let lateMax = 5
    private static let restMs: Int64 = 500

    enum Found {
        case nothing
        case value([UInt8])
        case unavailable
    }

    let reactor: Reactor
    private let endpoint: RedisEndpoint
    private let deadlineMs: Int64
    private let metrics: MetricsRegistry
    private let log: Logger
    private let readBuffer: UnsafeMutableRawBufferPointer
    private var pipe: RedisPipe?
    private var lateInARow = 0
    private var restsUntilMs: Int64 = 0
    private var reconnectMs = CacheConnection.reconnectMsMin
    private var wasReached = true
    private var stopped = false

    init(
        _ endpoint: RedisEndpoint, on reactor: Reactor, deadlineMs: Int, readBuffer: UnsafeMutableRawBufferPointer,
        metrics: MetricsRegistry, log: Logger
    ) {
        self.endpoint = endpoint
        self.reactor = reactor
        self.deadlineMs = Int64(deadlineMs)
        self.readBuffer = readBuffer
        self.metrics = metrics
        self.log = log
    }

    // MARK: Connecting

    func connect() {
        guard !stopped else { return }
        RedisPipe.connect(to: endpoint, timeoutMs: Self.connectMs, on: reactor) { [self] result in
            switch result {
            case .success(let descriptor): greet(descriptor)
            case .failure(let error): unreached("\(error)")
            }
        }
    }

    func stop() {
        stopped = true
        pipe?.close()
    }

    private func greet(_ descriptor: Int32) {
        guard !stopped else { return Socket.close(descriptor) }
        let fresh = RedisPipe(
            descriptor, on: reactor, deadlineMs: deadlineMs, readBuffer: readBuffer,
            replyBytesMax: CachedAnswer.sealedBytesMax + RedisPipe.replyBytesMax
        ) { [self] in
            pipe = nil
            retryLater()
        }
        var refusal: RedisError?
        for command in endpoint.greeting + [RedisCommand(["PING"])] {
            fresh.call({ command.write(into: &$0) }) { result in
                if case .failure(let error) = result { refusal = refusal ?? error }
            }
        }
        // Replies come in order: behind this one the greeting is known to be good.
        let question = RedisCommand(["PING"])
        fresh.call({ question.write(into: &$0) }) { [self] result in
            if case .failure(let error) = result { refusal = refusal ?? error }
            if let refusal {
                noteUnreached("\(refusal)")
                return fresh.close()
            }
            pipe = fresh
            lateInARow = 0
            wasReached = true
            reconnectMs = Self.reconnectMsMin
        }
    }

    /// Said once until it is reached again: it is no more than slower without it.
    private func noteUnreached(_ reason: String) {
        if wasReached { log.warning("cache Redis cannot be reached", metadata: ["reason": "\(reason)"]) }
        wasReached = false
    }

    private func unreached(_ reason: String) {
        noteUnreached(reason)
        retryLater()
    }

    private func retryLater() {
        guard !stopped else { return }
        reactor.after(reconnectMs) { [self] in connect() }
        reconnectMs = min(reconnectMs * 2, Self.reconnectMsMax)
    }

    // MARK: Calls

    /// Reads no more than an answer can have, whatever stands there: a reply beyond the bound would cost the connection.
    func get(_ key: CacheKey, reply: @escaping (Found) -> Void) {
        let name = key.redisName
        let encode: (inout [UInt8]) -> Void = { out in
            out.append("*4\r\n$8\r\nGETRANGE\r\n")
            CommandWriter.add(name, to: &out)
            CommandWriter.add(0, to: &out)
            CommandWriter.add(Int64(CachedAnswer.sealedBytesMax), to: &out)
        }
        call(encode) { result in
            guard let bytes = result?.bytes else { return reply(.unavailable) }
            reply(bytes.isEmpty ? .nothing : .value(bytes))
        }
    }

    /// - Parameter done: whether it was kept or not.
    func set(_ key: CacheKey, to value: [UInt8], lifetimeMs: Int64, done: @escaping (Bool) -> Void) {
        let name = key.redisName
        let encode: (inout [UInt8]) -> Void = { out in
            out.append("*5\r\n$3\r\nSET\r\n")
            CommandWriter.add(name, to: &out)
            CommandWriter.add(value, to: &out)
            out.append("$2\r\nPX\r\n")
            CommandWriter.add(lifetimeMs, to: &out)
        }
        call(encode) { done($0?.string == "OK") }
    }

    private func call(_ encode: (inout [UInt8]) -> Void, _ reply: @escaping (RESPValue?) -> Void) {
        guard let pipe, restsUntilMs <= reactor.nowMs, pipe.unsentBytes <= Self.unsentBytesMax else {
            failed("away")
            return reply(nil)
        }
        pipe.call(encode) { [self] result in
            switch result {
            case .success(let value):
                lateInARow = 0
                reply(value)
            case .failure(.deadlineExceeded):
                failed("late")
                lateInARow += 1
                if lateInARow >= Self.lateMax { restsUntilMs = reactor.nowMs + Self.restMs }
                reply(nil)
            case .failure(.refused):
                failed("refused")
                reply(nil)
            case .failure(.notConnected), .failure(.connectionLost), .failure(.protocolViolation):
                failed("away")
                reply(nil)
            }
        }
    }

    private func failed(_ reason: String) { metrics.add("aihub_worker_cache_errors_total", [("reason", reason)]) }
}
