import PlaneContract
import Testing

@Suite struct OwnerTests {
    @Test("a name tells workers from control planes, and a loop's name its worker")
    func names() {
        let (worker, control) = (ProcessName.newWorker(), ProcessName.newControlPlane())
        #expect(ProcessName.isWorker(worker) && !ProcessName.isControlPlane(worker))
        #expect(ProcessName.isControlPlane(control) && !ProcessName.isWorker(control))
        let loop = ProcessName.loop(3, of: worker)
        #expect(ProcessName.isWorker(loop) && ProcessName.process(of: loop) == worker)
        #expect(ProcessName.process(of: control) == control)
        #expect(worker != ProcessName.newWorker())
    }

    @Test("a heartbeat is a time, and a mark where the owner asks nobody")
    func heartbeats() {
        #expect(Heartbeat("1760000000000")?.atMs == 1_760_000_000_000)
        #expect(Heartbeat("1760000000000")?.isCutOff == false)
        #expect(Heartbeat("1760000000000!")?.atMs == 1_760_000_000_000)
        #expect(Heartbeat("1760000000000!")?.isCutOff == true)
        #expect(Heartbeat("17?")?.isCutOff == true, "a mark that only a newer release knows")
        for text in ["", "!", "x1", "-5", "99999999999999999999"] { #expect(Heartbeat(text) == nil, "\(text)") }
    }

    @Test("only what a rebuild removes counts as left over")
    func leftovers() {
        for shard in [Shard.all[0], Shard.all[63]] {
            let left = [
                RedisKeys.hold(shard, "r:1"), RedisKeys.openHolds(shard), RedisKeys.budget(shard, "o:org"),
                RedisKeys.budget(shard, RedisKeys.poolScope("p")),
            ]
            #expect(left.allSatisfy { RedisKeys.tag(ofLeftover: $0) == shard.tag })
            let kept = [
                RedisKeys.versions(shard), RedisKeys.runIDs(shard), RedisKeys.usageStream(shard),
                RedisKeys.acknowledged(shard), RedisKeys.heartbeats(shard), RedisKeys.health, RedisKeys.snapshot,
                RedisKeys.secretReports, RedisKeys.keyRecord(digest: "d"),
            ]
            #expect(kept.allSatisfy { RedisKeys.tag(ofLeftover: $0) == nil })
        }
    }
}
