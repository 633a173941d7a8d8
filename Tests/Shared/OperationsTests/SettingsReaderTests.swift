import Operations
import Testing

@Suite struct SettingsReaderTests {
    @Test("collects everything that is wrong")
    func collects() {
        var read = SettingsReader(
            ["X_A": "7", "X_B": "many", "X_C": "900", "X_OTHER": "1", "PATH": "/bin"], prefix: "X_")
        #expect(read.integer("A", default: 1, in: 1...9) == 7)
        #expect(read.integer("B", default: 1, in: 1...9) == 1)
        #expect(read.integer("C", default: 1, in: 1...9) == 1)
        #expect(read.text("D", default: "d") == "d")
        _ = read.requiredText("E")
        #expect(throws: SettingsError.self) { try read.finish() }
        #expect(read.problems.count == 4, "B, C, E and OTHER")
    }

    @Test("the value of a URL is not repeated: there may be a password in it")
    func secrets() {
        var read = SettingsReader(["X_REDIS_URL": "rediss://u:TopSecret@h", "X_MODE": "odd"], prefix: "X_")
        _ = read.value("REDIS_URL", default: "", "redis://…") { _ in nil }
        _ = read.value("MODE", default: "", "a mode") { _ in nil }
        #expect(read.problems.count == 2 && !read.problems[0].contains("TopSecret") && read.problems[1].contains("odd"))
    }
}

@Suite struct SecretSettingsTests {
    @Test("a password file that cannot be read is one more problem; a setting that is not set is none")
    func livePassword() {
        var read = SettingsReader([:], prefix: "X_")
        #expect(read.livePassword(at: nil) == nil && read.problems.isEmpty)
        #expect(read.livePassword(at: "/no such folder/password") == nil)
        #expect(read.problems.count == 1 && read.problems[0].contains("/no such folder/password"))
    }
}

@Suite struct PlaintextSettingsTests {
    @Test(
        "an operations port other machines can reach is a problem that names the setting and the address",
        arguments: ["0.0.0.0", "::", "192.0.2.1", "gateway.example", "127.0.0.1.example", "128.0.0.1", ""])
    func reachableOperations(host: String) {
        func problems(_ environment: [String: String]) -> [String] {
            var read = SettingsReader(environment, prefix: "X_")
            if !read.allowsPlaintext("OPERATIONS_PLAINTEXT", on: host) { read.rejectPlaintextOperations(on: host) }
            return read.problems
        }
        // What is declared of the other listener does not count for this one.
        for environment in [[:], ["X_PLAINTEXT": "behind-proxy"]] {
            let found = problems(environment)
            #expect(found.count == 1 && found[0].hasPrefix("X_OPERATIONS_HOST=\(host) would show metrics"))
        }
        #expect(problems(["X_OPERATIONS_PLAINTEXT": "behind-proxy"]).isEmpty)
    }

    @Test("on loopback nothing is asked", arguments: ["127.0.0.1", "localhost", "::1", "127.8.9.10"])
    func loopback(host: String) {
        var read = SettingsReader([:], prefix: "X_")
        #expect(read.allowsPlaintext("OPERATIONS_PLAINTEXT", on: host) && read.problems.isEmpty)
    }
}

@Suite struct MetricsRegistryTests {
    @Test("prints the Prometheus text format")
    func exposition() {
        let metrics = MetricsRegistry()
        metrics.describe("a_total", kind: "counter", help: "What a is.")
        metrics.add("a_total", [("status", "200")], by: 2)
        metrics.add("a_total", [("status", "200")])
        metrics.set("b", to: 0.5)
        #expect(
            metrics.exposition
                == "# HELP a_total What a is.\n# TYPE a_total counter\na_total{status=\"200\"} 3\nb 0.5\n")
    }
}
