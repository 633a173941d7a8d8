internal import Reactor
internal import Redis

/// Keeps one connection of a reactor to a Redis standing: connects, greets, asks a first question, and whenever it breaks tries
/// again, each time a little later. Lives on its reactor.
final class RedisDialer: @unchecked Sendable {
    private static let retryMsMin: Int64 = 50
    private static let connectMs = 2_000

    private let endpoint: RedisEndpoint
    private let reactor: Reactor
    private let retryMsMax: Int64
    private let question: RedisCommand
    private let makePipe: (Int32, @escaping () -> Void) -> RedisPipe
    private var retryMs = RedisDialer.retryMsMin
    private var stopped = false
    /// The connection, while it stands.
    private(set) var pipe: RedisPipe?
    /// A connection stands, and this was the answer to the first question. False: it is of no use.
    var onStanding: (RESPValue) -> Bool = { _ in true }
    /// It cannot be reached, or does not let this worker in; it is tried again.
    var onFailed: (String) -> Void = { _ in }

    /// - Parameters:
    ///   - question: asked first; replies come in order, so the greeting is known to be good behind it.
    ///   - makePipe: around a descriptor, with what is to be done when it closes.
    init(
        _ endpoint: RedisEndpoint, on reactor: Reactor, retryMsMax: Int64, question: [String],
        makePipe: @escaping (Int32, @escaping () -> Void) -> RedisPipe
    ) {
        self.endpoint = endpoint
        self.reactor = reactor
        self.retryMsMax = retryMsMax
        self.question = RedisCommand(question)
        self.makePipe = makePipe
    }

    func connect() {
        guard !stopped else { return }
        RedisPipe.connect(to: endpoint, timeoutMs: Self.connectMs, on: reactor) { [self] result in
            switch result {
            case .success(let descriptor): greet(descriptor)
            case .failure(let error):
                onFailed("\(error)")
                retryLater()
            }
        }
    }

    func stop() {
        stopped = true
        pipe?.close()
    }

    private func greet(_ descriptor: Int32) {
        guard !stopped else { return Socket.close(descriptor) }
        let fresh = makePipe(descriptor) { [self] in
            pipe = nil
            retryLater()
        }
        var refusal: RedisError?
        for command in endpoint.greeting {
            fresh.call({ command.write(into: &$0) }) { result in
                if case .failure(let error) = result { refusal = refusal ?? error }
            }
        }
        fresh.call({ question.write(into: &$0) }) { [self] result in
            switch result {
            case .success(let reply) where refusal == nil:
                pipe = fresh
                guard onStanding(reply) else { return fresh.close() }
                retryMs = Self.retryMsMin
            case .success: failed(fresh, refusal.map { "\($0)" } ?? "")
            case .failure(let error): failed(fresh, "\(refusal ?? error)")
            }
        }
    }

    private func failed(_ pipe: RedisPipe, _ reason: String) {
        onFailed(reason)
        pipe.close()
    }

    private func retryLater() {
        guard !stopped else { return }
        reactor.after(retryMs) { [self] in connect() }
        retryMs = min(retryMs * 2, retryMsMax)
    }
}
