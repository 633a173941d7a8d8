import LimitScripts
import PlaneContract
import Testing

@Suite struct LimitLibraryTests {
    @Test("the library names itself and registers every function it is called by")
    func complete() {
        #expect(LimitLibrary.source.hasPrefix("#!lua name=\(LimitLibrary.name)\n"))
        for function in LimitLibrary.Function.allCases {
            #expect(LimitLibrary.source.contains("'\(function.rawValue)'"))
        }
    }

    @Test("the library writes the fields and the mark that Swift reads")
    func fields() {
        for field in [RedisField.version, RedisField.record, RedisField.generation] {
            #expect(LimitLibrary.source.contains("'\(field)'"), "\(field)")
        }
        #expect(LimitLibrary.source.contains(".. '!' or int(now)"))
        #expect(Heartbeat("17!")?.isCutOff == true)
    }

    @Test("numbers are never concatenated in Lua, where 1e14 loses digits")
    func noConcatenation() {
        #expect(!LimitLibrary.source.contains(".. now") && !LimitLibrary.source.contains(".. tonumber"))
    }
}
