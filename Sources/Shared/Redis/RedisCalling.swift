/// Where commands go: a client of Redis or, in unit tests, a model of it.
package protocol RedisCalling: Sendable {
    /// Sends several commands and returns one result for each, in order.
    ///
    /// - Throws: only when no connection could be made.
    func pipeline(_ commands: [RedisCommand]) async throws -> [Result<RESPValue, RedisError>]
}

extension RedisCalling {
    /// Sends a command given as its words.
    ///
    /// - Returns: the reply, never an error reply.
    package func call(_ words: String...) async throws -> RESPValue { try await call(RedisCommand(words)) }

    /// - Returns: the reply, never an error reply.
    package func call(_ command: RedisCommand) async throws -> RESPValue { try await pipeline([command])[0].get() }
}

extension RedisClient: RedisCalling {}
