import Operations
import Redis
import RequestWalk
import Testing
import WorkerConfiguration

@Suite struct WorkerSettingsTests {
    private static let needed = ["PEPPER_FILE": "/p", "SEAL_KEY_FILE": "/s", "STATE_FOLDER": "/f"]

    private func settings(_ more: [String: String], without: [String] = []) throws -> WorkerSettings {
        var environment = Self.needed.merging(more) { $1 }
        for name in without { environment[name] = nil }
        return try WorkerSettings(
            environment: Dictionary(uniqueKeysWithValues: environment.map { ("AIHUB_WORKER_" + $0, $1) }), cores: 3)
    }

    private func problems(_ more: [String: String], without: [String] = []) -> [String] {
        do {
            _ = try settings(more, without: without)
            return []
        } catch {
            return (error as? SettingsError)?.problems ?? ["\(error)"]
        }
    }

    @Test("without any setting but the files, the worker listens on loopback, with a loop a core and no cache")
    func defaults() throws {
        let settings = try settings([:])
        #expect(settings.host == "127.0.0.1" && settings.port == 8080 && settings.threads == 3)
        #expect(settings.cacheRedis == nil && settings.tlsFiles == nil && settings.stateRedis.port == 6379)
    }

    @Test("one start names every bad setting")
    func allAtOnce() {
        let found = problems(
            ["PORT": "x", "THREADS": "0", "LOG_LEVEL": "loud", "TYPO": "1"], without: ["PEPPER_FILE", "STATE_FOLDER"])
        for name in ["PORT", "THREADS", "LOG_LEVEL", "TYPO", "PEPPER_FILE", "STATE_FOLDER"] {
            #expect(found.contains { $0.contains("AIHUB_WORKER_" + name) }, "\(name) in \(found)")
        }
        #expect(found.count == 6)
    }

    @Test(
        "settings that contradict each other are refused",
        arguments: [
            (["PROXY_PROTOCOL": "on"], "TRUSTED_PROXIES"),
            (["HEARTBEAT_MS": "5000", "SILENCE_MS": "14999"], "15000"),
            (["REDIS_URL": "redis://h:1", "CACHE_REDIS_URL": "redis://h:1"], "CACHE_REDIS_URL"),
            (["HOST": "0.0.0.0"], "PLAINTEXT"),
        ] as [([String: String], String)])
    func contradictions(more: [String: String], named: String) {
        let found = problems(more)
        #expect(found.count == 1 && found[0].contains(named), "\(found)")
    }

    @Test("with TLS the plain port stays on loopback, unless plain text is allowed")
    func plain() throws {
        let tls = ["HOST": "0.0.0.0", "TLS_CERTIFICATE_FILE": "/c", "TLS_KEY_FILE": "/k"]
        #expect(try settings(tls).plainHost == "127.0.0.1")
        #expect(try settings(tls.merging(["PLAINTEXT": "behind-proxy"]) { $1 }).plainHost == "0.0.0.0")
    }

    @Test("all bodies together get a quarter of the memory, but room for one body of the largest size")
    func bodies() throws {
        let small = try settings(["MEMORY_MIB": "40"])
        #expect(small.bounds.bodiesBytesMax == small.bounds.bodyBytesMax)
        let larger = try settings(["MEMORY_MIB": "400"])
        #expect(larger.bounds.bodiesBytesMax == 100 << 20)
        #expect(try settings(["MEMORY_MIB": "400", "BODIES_MIB": "200"]).bounds.bodiesBytesMax == 200 << 20)
    }
}
