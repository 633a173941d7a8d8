import LimitScripts
import Redis
import RedisModel
import StateRedisAccess
import Testing

@Suite struct StateRedisTests {
    private let model = RedisModel()
    private var redis: StateRedis { StateRedis(client: model) }

    @Test("a function's keys are counted, so that Redis knows them from arguments", arguments: 0...3)
    func command(keys: Int) {
        let names = (0..<keys).map { "k\($0)" }
        let command = StateRedis.command(.seed, names, ["2", "x"])
        #expect(command.words == ["FCALL", LimitLibrary.Function.seed.rawValue, String(keys)] + names + ["2", "x"])
    }

    @Test("replies come in the order of commands")
    func order() async throws {
        let replies = try await redis.pipeline([
            RedisCommand(["HSET", "h", "a", "1"]), RedisCommand(["HGET", "h", "a"]), RedisCommand(["HGET", "h", "b"]),
        ])
        #expect(replies == [.integer(1), .string("1"), .null])
    }

    @Test("one refused command fails the pipeline, although the others were executed")
    func refused() async throws {
        let error = try await #require(throws: RedisError.self) {
            try await redis.pipeline([RedisCommand(["HSET", "h", "a", "1"]), RedisCommand(["NOSUCH"])])
        }
        guard case .refused = error else { return #expect(Bool(false), "\(error)") }
        #expect(model.with { $0.hashes["h"] } == ["a": "1"])
    }

    @Test("without a connection nothing is sent")
    func unreachable() async throws {
        model.with { $0.isReachable = false }
        await #expect(throws: RedisError.self) { try await redis.pipeline([RedisCommand(["HSET", "h", "a", "1"])]) }
        #expect(model.with { $0.commands.isEmpty })
    }

    @Test("a pipeline of nothing is no call")
    func empty() async throws { #expect(try await redis.pipeline([]).isEmpty) }
}
