import DataPlaneHTTP
import Operations
import ProcessLimits
import RequestWalk
import TestPeers
import Testing

@Suite struct MemoryGuardTests {
    private let metrics = MetricsRegistry()
    private let log = RecordedLog()

    private func memory(budgetBytes: Int) -> MemoryGuard {
        MemoryGuard(
            budgetBytes: budgetBytes, bodies: BodyBudget(Bounds(), trustedProxies: []), metrics: metrics,
            log: log.logger)
    }

    private func running(_ memory: MemoryGuard, until condition: @Sendable () async -> Bool) async {
        let task = Task { await memory.run() }
        #expect(await eventually(condition))
        task.cancel()
        await task.value
    }

    @Test("a process above its budget is short, which is counted and logged once while it lasts")
    func short() async {
        let memory = memory(budgetBytes: 2)
        #expect(!memory.isShort)
        await running(memory) { [metrics] in memory.isShort && metrics.value("aihub_worker_memory_bytes") > 0 }
        #expect(metrics.value("aihub_worker_memory_short_total") == 1)
        #expect(log.all.count == 1 && log.all[0].hasPrefix("warning: short of memory"))
    }

    @Test("one within its budget, or without one, is not", arguments: [0, Int.max / 2])
    func enough(budgetBytes: Int) async {
        let memory = memory(budgetBytes: budgetBytes)
        await running(memory) { [metrics] in metrics.value("aihub_worker_memory_bytes") > 0 }
        #expect(!memory.isShort && log.all.isEmpty)
    }
}
