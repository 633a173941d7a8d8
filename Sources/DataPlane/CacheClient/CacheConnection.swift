internal import Admission
internal import GatewayModel
package import Logging
package import Operations
package import Reactor
internal import ReactorRedis
package import Redis
package import ResponseCache

/// A reactor's one connection to the cache Redis.
///
/// Requests go on without the cache whatever fails: a call waits at most for the deadline, and after several timeouts
/// in a row no calls are made for a while.
package final class CacheConnection: @unchecked Sendable {
    private static let retryMsMax: Int64 = 2_000
    /// Unsent bytes above which no further calls are made.
    private static let unsentBytesMax = 8 << 20
    /// Timeouts in a row before the connection pauses, and for how long. Another timeout right after a pause starts the
    /// next.
    private static let lateMax = 5
    private static let restMs: Int64 = 500

    /// What a read found.
    package enum Found: Sendable, Equatable {
        case nothing
        case value([UInt8])
        case unavailable
    }

    package let reactor: Reactor
    private let dialer: RedisDialer
    private let metrics: MetricsRegistry
    private let log: Logger
    private var lateInARow = 0
    private var restsUntilMs: Int64 = 0
    private var wasReached = true

    /// - Parameter deadlineMs: how long a call may wait for its reply.
    package init(
        _ endpoint: RedisEndpoint, on reactor: Reactor, deadlineMs: Int, readBuffer: UnsafeMutableRawBufferPointer,
        metrics: MetricsRegistry, log: Logger
    ) {
        self.reactor = reactor
        self.metrics = metrics
        self.log = log
        dialer = RedisDialer(endpoint, on: reactor, retryMsMax: Self.retryMsMax, question: ["PING"]) {
            link, closed in
            RedisPipe(
                link, on: reactor, deadlineMs: Int64(deadlineMs), readBuffer: readBuffer,
                replyBytesMax: CachedResponse.sealedBytesMax + RedisPipe.replyBytesMax, onClose: closed)
        }
        dialer.onStanding = { [unowned self] _ in
            lateInARow = 0
            wasReached = true
            return true
        }
        dialer.onFailed = { [unowned self] in noteUnreached($0) }
    }

    /// Connects, and reconnects until `stop`.
    package func connect() { dialer.connect() }
    /// Closes the connection for good.
    package func stop() { dialer.stop() }

    /// Logs the first failure only, until it is reached again: without the cache the worker is merely slower.
    private func noteUnreached(_ reason: String) {
        if wasReached { log.warning("cache Redis cannot be reached", metadata: ["reason": "\(reason)"]) }
        wasReached = false
    }

    // MARK: Calls

    /// Reads at most as many bytes as an answer can have: a reply above `replyBytesMax` would close the connection.
    package func get(_ key: CacheKey, reply: @escaping (Found) -> Void) {
        let name = key.redisName
        let encode: (inout [UInt8]) -> Void = { out in
            out.append("*4\r\n$8\r\nGETRANGE\r\n")
            CommandWriter.add(name, to: &out)
            CommandWriter.add(0, to: &out)
            CommandWriter.add(Int64(CachedResponse.sealedBytesMax), to: &out)
        }
        call(encode) { result in
            guard let bytes = result?.bytes else { return reply(.unavailable) }
            reply(bytes.isEmpty ? .nothing : .value(bytes))
        }
    }

    /// - Parameter done: gets whether the answer was stored.
    package func set(_ key: CacheKey, to value: [UInt8], lifetimeMs: Int64, done: @escaping (Bool) -> Void) {
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
        guard let pipe = dialer.pipe, restsUntilMs <= reactor.nowMs, pipe.unsentBytes <= Self.unsentBytesMax else {
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
