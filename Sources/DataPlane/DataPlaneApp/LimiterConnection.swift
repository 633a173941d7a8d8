internal import Admission
internal import LimitScripts
internal import Logging
internal import NIOCore
internal import PlaneContract
internal import Redis
internal import RequestWalk

/// A loop's one connection to the state Redis, and what this worker believes of each shard's fence.
///
/// When it breaks, everything under way fails and callers are told so; a new connection asks Redis anew who it is, because
/// a Redis that was restarted may have lost its last second.
final class LimiterConnection {
    private static let reconnectMsMin: Int64 = 50
    private static let reconnectMsMax: Int64 = 1_000

    let eventLoop: any EventLoop
    private let endpoint: RedisEndpoint
    private let deadline: TimeAmount
    private let owner: String
    private let log: Logger
    private var connection: RedisConnection?
    private var run = ""
    private var generations = [String](repeating: "", count: Shard.count)
    private var reconnectMs = LimiterConnection.reconnectMsMin
    private var stopped = false

    init(_ endpoint: RedisEndpoint, on eventLoop: any EventLoop, deadlineMs: Int, owner: String, log: Logger) {
        self.endpoint = endpoint
        self.eventLoop = eventLoop
        deadline = .milliseconds(Int64(deadlineMs))
        self.owner = owner
        self.log = log
    }

    var isConnected: Bool { connection != nil }

    func stop() {
        stopped = true
        connection?.close()
    }

    // MARK: Connecting

    func connect() {
        guard !stopped else { return }
        let box = NIOLoopBound(self, eventLoop: eventLoop)
        RedisConnection.connect(to: endpoint, on: eventLoop, onClose: { box.value.lost() })
            .whenComplete { result in
                switch result {
                case .success(let connection): box.value.identify(connection.value)
                case .failure(let error):
                    box.value.log.warning("state Redis cannot be reached", metadata: ["reason": "\(error)"])
                    box.value.retryLater()
                }
            }
    }

    private func identify(_ fresh: RedisConnection) {
        fresh.call(RedisCommand(["INFO", "server"]), deadline: deadline) { [self] result in
            guard case .success(let reply) = result, let text = reply.string,
                let line = text.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("run_id:") })
            else {
                fresh.close()
                return
            }
            run = String(line.dropFirst("run_id:".count))
            connection = fresh
            reconnectMs = Self.reconnectMsMin
        }
    }

    private func lost() {
        connection = nil
        retryLater()
    }

    private func retryLater() {
        guard !stopped else { return }
        let box = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: .milliseconds(reconnectMs)) { box.value.connect() }
        reconnectMs = min(reconnectMs * 2, Self.reconnectMsMax)
    }

    // MARK: Calls

    func send(_ command: RedisCommand, _ reply: @escaping (Result<RESPValue, RedisError>) -> Void) {
        guard let connection else { return reply(.failure(.notConnected)) }
        connection.call(command, deadline: deadline, completion: reply)
    }

    func send(_ call: LimiterCall, _ reply: @escaping (Result<[RESPValue], RedisError>) -> Void) {
        send(RedisCommand(function: call.function.rawValue, keys: call.keys, arguments: call.arguments)) { result in
            reply(result.map { $0.array ?? [] })
        }
    }

    func fence(of shard: Shard) -> Fence { Fence(generation: generations[shard.index], run: run) }

    /// Takes over what Redis says of a shard, when it says so of itself: the run named must be the one this connection
    /// reached.
    private func learn(_ fence: Fence, of shard: Shard) {
        if !fence.generation.isEmpty, fence.run == run { generations[shard.index] = fence.generation }
    }

    /// For settle, which asks for the generation only: it may run while admissions are still fenced.
    func learn(generation: String, of shard: Shard) {
        if !generation.isEmpty { generations[shard.index] = generation }
    }

    func admit(_ request: AdmitRequest, retriesLeft: Int = 1, reply: @escaping (AdmitAnswer) -> Void) {
        let shard = request.scopes.shard
        let used = fence(of: shard)
        send(request.call(used, owner: owner)) { [self] result in
            guard case .success(let items) = result else { return reply(.unavailable) }
            let verdict = AdmitVerdict(reply: items.map { $0.string ?? "" })
            if case .fenced(let actual) = verdict, retriesLeft > 0 {
                learn(actual, of: shard)
                // Another request may have learned it meanwhile: what counts is that this one tried with something else.
                if fence(of: shard) != used { return admit(request, retriesLeft: retriesLeft - 1, reply: reply) }
            }
            reply(.verdict(verdict))
        }
    }

    func peek(_ call: LimiterCall, reply: @escaping (PeekVerdict) -> Void) {
        send(call) { result in
            guard case .success(let items) = result else { return reply(.unavailable) }
            let head = items.prefix { $0.array == nil }.map { $0.string ?? "" }
            let scopes = items.compactMap { $0.array?.map { $0.string ?? "" } }
            reply(PeekVerdict(head: head, scopes: scopes))
        }
    }
}
