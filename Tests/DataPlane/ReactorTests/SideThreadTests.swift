import Foundation
import Reactor
import Testing

@Suite struct SideThreadTests {
    @Test("unfinished work holds its bytes, and what finds no room is refused")
    func bounded() {
        let thread = SideThread(name: "test", bytesMax: 100)
        let mayEnd = DispatchSemaphore(value: 0)
        let hasEnded = DispatchSemaphore(value: 0)
        #expect(thread.run(holding: 60) { mayEnd.wait() })
        #expect(thread.run(holding: 40) { hasEnded.signal() })
        #expect(!thread.run(holding: 1) {})
        mayEnd.signal()
        hasEnded.wait()
        // The first has given its bytes back before the second ran.
        #expect(thread.run(holding: 60) {})
    }
}
