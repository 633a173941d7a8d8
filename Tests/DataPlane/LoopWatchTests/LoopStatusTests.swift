import LoopWatch
import Testing

@Suite struct LoopStatusTests {
    private let status = LoopStatus(loopID: "w-1.0")

    @Test("limits are divided among the loops of the last heartbeat, and never among fewer than this one")
    func loops() {
        #expect(status.liveLoops == 1 && status.lastHeartbeatMs == 0)
        status.recordHeartbeat(atMs: 700, loops: 5)
        #expect(status.liveLoops == 5 && status.lastHeartbeatMs == 700)
        status.recordHeartbeat(atMs: 800, loops: 0)
        #expect(status.liveLoops == 1 && status.lastHeartbeatMs == 800)
    }

    @Test("a local admission is told of for one interval, and before the first none is")
    func local() {
        #expect(!status.isAdmittingLocally(atMs: 1, withinMs: 1_000))
        status.admittedLocally(atMs: 10_000)
        #expect(status.isAdmittingLocally(atMs: 10_999, withinMs: 1_000))
        #expect(!status.isAdmittingLocally(atMs: 11_000, withinMs: 1_000))
    }
}
