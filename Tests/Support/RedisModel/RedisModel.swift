package import Redis
internal import Synchronization

/// A Redis in memory, for unit tests of what the control plane decides: the commands it sends there and the functions
/// of the limiter that it calls, with the same replies.
///
/// End-to-end tests run the same code on Redis and the Lua itself.
package final class RedisModel: RedisCalling {
    package typealias Hook = @Sendable (inout RedisState, _ words: [String]) -> Void

    private struct Guarded {
        var state = RedisState()
        var hook: Hook?
    }

    private let guarded = Mutex(Guarded())

    package init() {}

    /// - Parameter body: reads or changes the content between two commands.
    @discardableResult
    package func with<Value: Sendable>(_ body: (inout RedisState) -> Value) -> Value {
        guarded.withLock { body(&$0.state) }
    }

    /// - Parameter hook: called before each command: what others do, who use this Redis at the same time.
    package func beforeEachCommand(_ hook: @escaping Hook) { guarded.withLock { $0.hook = hook } }

    package func pipeline(_ commands: [RedisCommand]) async throws -> [Result<RESPValue, RedisError>] {
        try commands.map { command in
            try guarded.withLock { guarded in
                guarded.hook?(&guarded.state, command.words)
                guard guarded.state.isReachable else { throw RedisError.notConnected }
                guarded.state.commands.append(command.words)
                let reply = guarded.state.reply(to: command.words)
                if case .error(let text) = reply { return .failure(.refused(text)) }
                return .success(reply)
            }
        }
    }
}
