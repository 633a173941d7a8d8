package import Admission
package import Logging
package import PlaneContract
package import Reactor
package import ReactorRedis
package import Redis
package import RequestWalk

/// A reactor's one connection to the state Redis, and the fence this worker assumes for each shard.
///
/// When the connection breaks, all calls in flight fail. A new connection asks for the `run_id` first, because a
/// restarted Redis may have lost its last second.
package final class LimiterConnection: @unchecked Sendable {
    private static let retryMsMax: Int64 = 1_000

    package let reactor: Reactor
    private let dialer: RedisDialer
    private let loopID: String
    private let log: Logger
    private var redisRunID = ""
    private var generations = [String](repeating: "", count: Shard.count)
    /// Runs whenever a connection is established, with the `run_id` of the Redis process.
    package var onConnected: (String) -> Void = { _ in }
    /// Runs when Redis rejects this loop's fence for a shard.
    package var onFenced: (Shard) -> Void = { _ in }

    /// - Parameters:
    ///   - deadlineMs: of calls that a client waits for.
    ///   - loopID: the owner of the holds that calls take.
    package init(
        _ endpoint: RedisEndpoint, on reactor: Reactor, deadlineMs: Int, loopID: String,
        readBuffer: UnsafeMutableRawBufferPointer, log: Logger
    ) {
        self.reactor = reactor
        self.loopID = loopID
        self.log = log
        dialer = RedisDialer(
            endpoint, on: reactor, retryMsMax: Self.retryMsMax, question: ["INFO", "server", "memory"]
        ) {
            RedisPipe($0, on: reactor, deadlineMs: Int64(deadlineMs), readBuffer: readBuffer, onClose: $1)
        }
        dialer.onStanding = { [unowned self] in greeted($0) }
        dialer.onFailed = { log.warning("state Redis cannot be reached", metadata: ["reason": "\($0)"]) }
    }

    /// Connects, and reconnects until `stop`.
    package func connect() { dialer.connect() }
    /// Closes the connection for good.
    package func stop() { dialer.stop() }

    private func greeted(_ info: RESPValue) -> Bool {
        guard let named = info.runID else { return false }
        let memory = RedisMemory(info)
        guard memory.neverEvicts else {
            log.error(
                "state Redis may evict limits and is not used: set maxmemory-policy to noeviction",
                metadata: ["policy": "\(memory.policy)"])
            return false
        }
        redisRunID = named
        onConnected(redisRunID)
        return true
    }

    // MARK: Calls

    /// - Parameter patient: no client waits for the reply; see `RedisPipe.call`.
    package func call(_ encode: (inout [UInt8]) -> Void, patient: Bool = false, _ reply: @escaping RedisPipe.Completion)
    {
        guard let pipe = dialer.pipe else { return reply(.failure(.notConnected)) }
        pipe.call(encode, patient: patient, reply)
    }

    /// Calls with a command that needs no special encoding.
    package func send(_ command: RedisCommand, _ reply: @escaping RedisPipe.Completion) {
        call({ command.write(into: &$0) }, reply)
    }

    /// Whether calls are sent now.
    package var isConnected: Bool { dialer.pipe != nil }

    /// Microseconds from the flush to the reply whose completion is running; `nil` when the call was never sent.
    package func tookUs(_ result: Result<RESPValue, RedisError>) -> Int64? {
        if case .failure(.notConnected) = result { nil } else { dialer.pipe?.tookUs }
    }

    /// What a call must present for Redis to accept it.
    package func fence(of shard: Shard) -> Fence { Fence(generation: generations[shard.index], redisRunID: redisRunID) }
    /// Empty until the shard's generation is known.
    package func generation(of shard: Shard) -> String { generations[shard.index] }

    /// Sets a shard's generation. The caller must take care of the requests held in the previous one.
    package func setGeneration(_ generation: String, of shard: Shard) { generations[shard.index] = generation }

    /// Early admission.
    ///
    /// - Parameter answered: runs before `reply`, with how long the limiter took.
    package func begin(
        _ request: BeginRequest, answered: @escaping (Int64?) -> Void, reply: @escaping (BeginAnswer) -> Void
    ) {
        let shard = request.caller.scopes.shard
        call({ request.write(fence(of: shard), loopID: loopID, into: &$0) }) { [self] result in
            answered(tookUs(result))
            if case .failure(.notConnected) = result { return reply(.notAsked(nil)) }
            guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
            let verdict = BeginVerdict(reply: items.map { $0.string ?? "" })
            if case .fenced = verdict { onFenced(shard) }
            reply(.verdict(verdict))
        }
    }

    /// Takes the request's hold.
    ///
    /// - Parameter answered: runs before `reply`, with how long the limiter took.
    package func admit(
        _ request: AdmitRequest, answered: @escaping (Int64?) -> Void, reply: @escaping (AdmitAnswer) -> Void
    ) {
        let shard = request.caller.scopes.shard
        call({ request.write(fence(of: shard), loopID: loopID, into: &$0) }) { [self] result in
            answered(tookUs(result))
            if case .failure(.notConnected) = result { return reply(.notAsked(nil)) }
            guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
            let verdict = AdmitVerdict(reply: items.map { $0.string ?? "" }, for: request.caller.record)
            if case .fenced = verdict { onFenced(shard) }
            reply(.verdict(verdict))
        }
    }

    /// Reads a caller's counters and whether its record is stale; changes nothing.
    package func peek(
        _ caller: Caller, answered: @escaping (Int64?) -> Void = { _ in }, reply: @escaping (PeekVerdict) -> Void
    ) {
        call({ PeekVerdict.write(for: caller, into: &$0) }) { [self] result in
            answered(tookUs(result))
            guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
            let head = items.prefix { $0.array == nil }.map { $0.string ?? "" }
            let scopes = items.compactMap { $0.array?.map { $0.string ?? "" } }
            reply(PeekVerdict(head: head, scopes: scopes))
        }
    }
}
