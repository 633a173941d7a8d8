internal import Admission
internal import Logging
internal import PlaneContract
internal import Reactor
internal import Redis
internal import RequestWalk

/// A reactor's one connection to the state Redis, and what this worker believes of each shard's fence.
///
/// When it breaks, everything under way fails and callers are told so; a new connection asks Redis anew who it is, because
/// a Redis that was restarted may have lost its last second.
final class LimiterConnection: @unchecked Sendable {
    private static let reconnectMsMin: Int64 = 50
    private static let reconnectMsMax: Int64 = 1_000
    private static let connectMs = 2_000

    let reactor: Reactor
    private let endpoint: RedisEndpoint
    private let deadlineMs: Int64
    private let owner: String
    private let readBuffer: UnsafeMutableRawBufferPointer
    private let log: Logger
    private var pipe: RedisPipe?
    private var run = ""
    private var generations = [String](repeating: "", count: Shard.count)
    private var reconnectMs = LimiterConnection.reconnectMsMin
    private var stopped = false
    /// Runs whenever a connection stands; named is the process of Redis it reached.
    var onConnected: (String) -> Void = { _ in }
    /// A shard is not what this loop believes.
    var onFenced: (Shard) -> Void = { _ in }

    init(
        _ endpoint: RedisEndpoint, on reactor: Reactor, deadlineMs: Int, owner: String,
        readBuffer: UnsafeMutableRawBufferPointer, log: Logger
    ) {
        self.endpoint = endpoint
        self.reactor = reactor
        self.deadlineMs = Int64(deadlineMs)
        self.owner = owner
        self.readBuffer = readBuffer
        self.log = log
    }

    func stop() {
        stopped = true
        pipe?.close()
    }

    // MARK: Connecting

    func connect() {
        guard !stopped else { return }
        RedisPipe.connect(to: endpoint, timeoutMs: Self.connectMs, on: reactor) { [self] result in
            switch result {
            case .success(let descriptor): greet(descriptor)
            case .failure(let error):
                log.warning("state Redis cannot be reached", metadata: ["reason": "\(error)"])
                retryLater()
            }
        }
    }

    private func greet(_ descriptor: Int32) {
        guard !stopped else { return Socket.close(descriptor) }
        let fresh = RedisPipe(descriptor, on: reactor, deadlineMs: deadlineMs, readBuffer: readBuffer) { [self] in
            pipe = nil
            retryLater()
        }
        for greeting in endpoint.greeting {
            fresh.call({ greeting.write(into: &$0) }) { [log] result in
                guard case .failure(let error) = result else { return }
                log.error("state Redis refuses the login", metadata: ["reason": "\(error)"])
                fresh.close()
            }
        }
        let question = RedisCommand(["INFO", "server"])
        fresh.call({ question.write(into: &$0) }) { [self] result in
            guard case .success(let reply) = result, let text = reply.string,
                let line = text.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("run_id:") })
            else { return fresh.close() }
            run = String(line.dropFirst("run_id:".count))
            pipe = fresh
            reconnectMs = Self.reconnectMsMin
            onConnected(run)
        }
    }

    private func retryLater() {
        guard !stopped else { return }
        reactor.after(reconnectMs) { [self] in connect() }
        reconnectMs = min(reconnectMs * 2, Self.reconnectMsMax)
    }

    // MARK: Calls

    /// - Parameter patient: nobody waits for the reply.
    func call(_ encode: (inout [UInt8]) -> Void, patient: Bool = false, _ reply: @escaping RedisPipe.Completion) {
        guard let pipe else { return reply(.failure(.notConnected)) }
        pipe.call(encode, patient: patient, reply)
    }

    func send(_ command: RedisCommand, _ reply: @escaping RedisPipe.Completion) {
        call({ command.write(into: &$0) }, reply)
    }

    var isConnected: Bool { pipe != nil }

    func fence(of shard: Shard) -> Fence { Fence(generation: generations[shard.index], run: run) }
    func generation(of shard: Shard) -> String { generations[shard.index] }

    /// Whoever calls this sees to the requests of the life before.
    func learn(generation: String, of shard: Shard) { generations[shard.index] = generation }

    func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void) {
        let shard = request.caller.scopes.shard
        call({ request.write(fence(of: shard), owner: owner, into: &$0) }) { [self] result in
            guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
            let verdict = AdmitVerdict(reply: items.map { $0.string ?? "" })
            if case .fenced = verdict { onFenced(shard) }
            reply(.verdict(verdict))
        }
    }

    func peek(_ caller: Caller, reply: @escaping (PeekVerdict) -> Void) {
        call({ PeekVerdict.write(for: caller, into: &$0) }) { result in
            guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
            let head = items.prefix { $0.array == nil }.map { $0.string ?? "" }
            let scopes = items.compactMap { $0.array?.map { $0.string ?? "" } }
            reply(PeekVerdict(head: head, scopes: scopes))
        }
    }
}
