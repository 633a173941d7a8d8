package import LimitScripts
package import Redis

/// The state Redis, as the control plane calls it.
package struct StateRedis: Sendable {
    package let client: any RedisCalling

    /// - Parameter client: connects as the user of control planes.
    package init(client: any RedisCalling) { self.client = client }

    /// The command that calls a function of the limiter.
    package static func command(_ function: LimitLibrary.Function, _ keys: [String], _ arguments: [String])
        -> RedisCommand
    {
        RedisCommand(function: function.rawValue, keys: keys, arguments: arguments)
    }

    /// Sends commands in one pipeline; throws if any of them was refused.
    @discardableResult
    package func pipeline(_ commands: [RedisCommand]) async throws -> [RESPValue] {
        try await client.pipeline(commands).map { try $0.get() }
    }
}
