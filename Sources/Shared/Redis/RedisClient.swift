package import NIOCore
internal import NIOPosix

/// An async Redis client: one pipelined connection, opened on first use and again after it broke.
///
/// For the control plane and for background work. Calls in flight when the connection breaks fail; they are never
/// retried here.
package final class RedisClient: Sendable {
    private enum State {
        case idle
        case connecting(EventLoopFuture<NIOLoopBound<RedisConnection>>)
        case connected(NIOLoopBound<RedisConnection>)
    }

    private let endpoint: RedisEndpoint
    private let eventLoop: any EventLoop
    private let deadline: TimeAmount
    private let replyBytesMax: Int
    private let state: NIOLoopBoundBox<State>

    /// - Parameters:
    ///   - deadline: of each call, from when it is queued.
    ///   - replyBytesMax: the largest accepted reply in bytes; a larger one closes the connection.
    package init(
        _ endpoint: RedisEndpoint, on eventLoop: any EventLoop, deadline: TimeAmount, replyBytesMax: Int = 1 << 20
    ) {
        self.endpoint = endpoint
        self.eventLoop = eventLoop
        self.deadline = deadline
        self.replyBytesMax = replyBytesMax
        state = NIOLoopBoundBox.makeBoxSendingValue(.idle, eventLoop: eventLoop)
    }

    /// Sends a command given as its words.
    package func call(_ words: String...) async throws -> RESPValue { try await call(RedisCommand(words)) }

    /// - Returns: the reply, never an error reply.
    /// - Throws: `RedisError`, or the NIO error of a connection that could not be made.
    package func call(_ command: RedisCommand) async throws -> RESPValue {
        try await eventLoop.flatSubmit { self.connection().flatMap { self.send([command], over: $0.value) } }.get()[0]
            .get()
    }

    /// Sends several commands in one write and returns one result for each, in order.
    ///
    /// - Throws: only when no connection could be made.
    package func pipeline(_ commands: [RedisCommand]) async throws -> [Result<RESPValue, RedisError>] {
        guard !commands.isEmpty else { return [] }
        return try await eventLoop.flatSubmit { self.connection().flatMap { self.send(commands, over: $0.value) } }
            .get()
    }

    /// Closes the current connection. The next call opens another.
    package func close() {
        eventLoop.execute { [state] in
            if case .connected(let connection) = state.value { connection.value.close() }
        }
    }

    private func send(
        _ commands: [RedisCommand], over connection: RedisConnection
    ) -> EventLoopFuture<[Result<RESPValue, RedisError>]> {
        let promises = commands.map { command in
            let promise = eventLoop.makePromise(of: Result<RESPValue, RedisError>.self)
            connection.call(command, deadline: deadline) { promise.succeed($0) }
            return promise.futureResult
        }
        return EventLoopFuture.whenAllSucceed(promises, on: eventLoop)
    }

    private func connection() -> EventLoopFuture<NIOLoopBound<RedisConnection>> {
        switch state.value {
        case .connected(let connection): return eventLoop.makeSucceededFuture(connection)
        case .connecting(let future): return future
        case .idle: break
        }
        let future = RedisConnection.connect(
            to: endpoint, on: eventLoop, replyBytesMax: replyBytesMax, onClose: { [state] in state.value = .idle })
        state.value = .connecting(future)
        future.whenComplete { [state] result in
            switch result {
            case .success(let connection): state.value = .connected(connection)
            case .failure: state.value = .idle
            }
        }
        return future
    }
}
