import Glibc
import Reactor
import Testing

@Suite struct ReactorTests {
    /// Records the order in which things happen on a reactor.
    private final class Notes: @unchecked Sendable { var all: [String] = [] }

    private final class Source: EventSource {
        let note: (String) -> Void
        init(_ note: @escaping (String) -> Void) { self.note = note }
        func ready(_ readiness: Readiness) { note(readiness.has(.readable) ? "readable" : "ready") }
        func deadlineReached() { note("deadline") }
    }

    @Test("timers fire in the order of their time, deadlines only while the descriptor is watched")
    func time() async {
        let reactor = Reactor()
        reactor.start()
        let notes = Notes()
        let all = await withCheckedContinuation { (done: CheckedContinuation<[String], Never>) in
            reactor.execute {
                var pair: [Int32] = [0, 0]
                pipe(&pair)
                let (reading, writing) = (pair[0], pair[1])
                let source = Source { notes.all.append($0) }
                reactor.watch(reading, for: .readable, source)
                reactor.wake(reading, atMs: reactor.nowMs + 5)
                reactor.watch(writing, for: .none, source)
                reactor.wake(writing, atMs: reactor.nowMs + 5)
                reactor.unwatch(writing)
                for wait in [50, 10, 30] { reactor.after(Int64(wait)) { notes.all.append("\(wait)") } }
                reactor.after(80) {
                    reactor.unwatch(reading)
                    close(reading)
                    close(writing)
                    done.resume(returning: notes.all)
                }
            }
        }
        #expect(all == ["deadline", "10", "30", "50"])
        reactor.stop()
    }

    /// Triggers what was ready at the end of a turn, as libcurl does.
    private final class Hook: TurnHook {
        let note: () -> Void
        init(_ note: @escaping () -> Void) { self.note = note }
        let dueMs = Int64.max
        func turnEnds() { note() }
    }

    @Test("after a stall what is ready is told, to the end of a turn, before what is late")
    func stalled() async {
        let reactor = Reactor()
        reactor.start()
        let notes = Notes()
        let all = await withCheckedContinuation { (done: CheckedContinuation<[String], Never>) in
            reactor.execute {
                var pair: [Int32] = [0, 0]
                pipe(&pair)
                let (reading, writing) = (pair[0], pair[1])
                var byte: UInt8 = 0
                let source = Source {
                    notes.all.append($0)
                    if $0 == "readable" { read(reading, &byte, 1) }
                }
                let hook = Hook { if notes.all.last == "readable" { notes.all.append("delivered") } }
                reactor.add(hook)
                reactor.watch(reading, for: .readable, source)
                reactor.wake(reading, atMs: reactor.nowMs + 5)
                reactor.after(10) {
                    reactor.unwatch(reading)
                    reactor.remove(hook)
                    close(reading)
                    close(writing)
                    done.resume(returning: notes.all)
                }
                write(writing, "x", 1)
                while Reactor.clockMs() < reactor.nowMs + 8 {}
            }
        }
        #expect(all == ["readable", "delivered", "deadline"])
        reactor.stop()
    }

    @Test("hands out readiness, and none to a source that is gone")
    func readiness() async {
        let reactor = Reactor()
        reactor.start()
        let notes = Notes()
        let all = await withCheckedContinuation { (done: CheckedContinuation<[String], Never>) in
            reactor.execute {
                var pair: [Int32] = [0, 0]
                pipe(&pair)
                let (reading, writing) = (pair[0], pair[1])
                let source = Source {
                    notes.all.append($0)
                    reactor.unwatch(reading)
                }
                reactor.watch(reading, for: .readable, source)
                write(writing, "x", 1)
                reactor.after(30) {
                    close(reading)
                    close(writing)
                    done.resume(returning: notes.all)
                }
            }
        }
        #expect(all == ["readable"])
        reactor.stop()
    }

    @Test("work from other threads runs in order")
    func inbox() async {
        let reactor = Reactor()
        reactor.start()
        let notes = Notes()
        for number in 0..<100 { reactor.execute { notes.all.append("\(number)") } }
        let all = await reactor.submit { notes.all }
        #expect(all == (0..<100).map { "\($0)" })
        reactor.stop()
    }

    @Test("address ranges hold what they say")
    func ranges() throws {
        let range = try #require(AddressRange("10.1.2.0/23"))
        #expect(range.contains(try #require(PeerAddress("10.1.3.255"))))
        #expect(!range.contains(try #require(PeerAddress("10.1.4.0"))))
        #expect(range.contains(try #require(PeerAddress("::ffff:10.1.2.1"))))
        #expect(AddressRange("10.0.0.0/33") == nil && AddressRange("x") == nil && PeerAddress("1.2.3") == nil)
        #expect(PeerAddress("2001:db8::1")?.description == "2001:db8::1")
    }
}
