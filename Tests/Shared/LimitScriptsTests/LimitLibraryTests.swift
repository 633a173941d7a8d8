import LimitScripts
import Testing

@Suite struct LimitLibraryTests {
    @Test("the library names itself and registers every function it is called by")
    func complete() {
        #expect(LimitLibrary.source.hasPrefix("#!lua name=\(LimitLibrary.name)\n"))
        for function in LimitLibrary.Function.allCases {
            #expect(LimitLibrary.source.contains("'\(function.rawValue)'"))
        }
    }

    @Test("numbers are never concatenated in Lua, where 1e14 loses digits")
    func noConcatenation() {
        #expect(!LimitLibrary.source.contains(".. now") && !LimitLibrary.source.contains(".. tonumber"))
    }
}
