import Glibc
import ProcessLimits
import TestPeers
import Testing

@Suite struct DescriptorLimitTests {
    private func inForce() -> rlimit {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return limit
    }

    @Test("all descriptors that the system grants are used")
    func raises() {
        let limit = DescriptorLimit.raise()
        #expect(limit == Int(clamping: inForce().rlim_cur))
        #expect(inForce().rlim_cur == inForce().rlim_max)
    }

    @Test("a warning names how many descriptors are lacking, and only when some are")
    func warns() {
        let (enough, tooFew) = (RecordedLog(), RecordedLog())
        let limit = DescriptorLimit.raise()
        DescriptorLimit.raise(for: limit / DescriptorLimit.perConnection, log: enough.logger)
        #expect(enough.all.isEmpty)
        guard limit < .max / 8 else { return }
        let connections = limit / DescriptorLimit.perConnection + 1
        DescriptorLimit.raise(for: connections, log: tooFew.logger)
        #expect(tooFew.all.count == 1)
        #expect(tooFew.all[0].contains("descriptors=\(limit) wanted=\(connections * DescriptorLimit.perConnection)"))
    }
}
