package import Reactor
package import Redis

/// Keeps a reactor's connection to a Redis up: connects, authenticates, sends a first command, and reconnects with
/// backoff.
///
/// Confined to its reactor.
package final class RedisDialer: @unchecked Sendable {
    private static let retryMsMin: Int64 = 50
    private static let connectMs = 2_000

    private let endpoint: RedisEndpoint
    private let reactor: Reactor
    private let retryMsMax: Int64
    private let question: RedisCommand
    private let makePipe: (RedisLink, @escaping () -> Void) -> RedisPipe
    private var retryMs = RedisDialer.retryMsMin
    private var stopped = false
    /// The connection, while it is up.
    package private(set) var pipe: RedisPipe?
    /// Gets the first command's reply once a connection is up. Returning false closes the connection.
    package var onStanding: (RESPValue) -> Bool = { _ in true }
    /// Runs with the reason when Redis is unreachable or refuses this worker; the dialer retries.
    package var onFailed: (String) -> Void = { _ in }

    /// - Parameters:
    ///   - retryMsMax: the longest pause between two attempts.
    ///   - question: the first command. Replies come in order, so its reply means that the greeting has been answered.
    ///   - makePipe: makes a pipe from a link and the closure to run when it closes.
    package init(
        _ endpoint: RedisEndpoint, on reactor: Reactor, retryMsMax: Int64, question: [String],
        makePipe: @escaping (RedisLink, @escaping () -> Void) -> RedisPipe
    ) {
        self.endpoint = endpoint
        self.reactor = reactor
        self.retryMsMax = retryMsMax
        self.question = RedisCommand(question)
        self.makePipe = makePipe
    }

    /// Starts the first attempt; further ones follow by themselves.
    package func connect() {
        guard !stopped else { return }
        RedisLink.connect(to: endpoint, timeoutMs: Self.connectMs, on: reactor) { [self] result in
            switch result {
            case .success(let link): greet(link)
            case .failure(let error):
                onFailed("\(error)")
                retryLater()
            }
        }
    }

    /// Closes the connection for good.
    package func stop() {
        stopped = true
        pipe?.close()
    }

    private func greet(_ link: RedisLink) {
        guard !stopped else { return link.close() }
        let fresh = makePipe(link) { [self] in
            pipe = nil
            retryLater()
        }
        var refusal: RedisError?
        for command in endpoint.handshake {
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
            // A server that asks for a client's certificate refuses it only after the handshake.
            case .failure(let error): failed(fresh, fresh.tlsFailure.map { "\($0)" } ?? "\(refusal ?? error)")
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
