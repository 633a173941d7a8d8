import Logging
import Publication
import Testing

@Suite struct KeySetPublisherTests {
    private struct Lost: Error {}
    private let publisher = KeySetPublisher()
    private let log = Logger(label: "key-set-tests")

    /// Bounded by the test's time limit, as is every wait here.
    private func ended() async throws { while publisher.isRunning { try await Task.sleep(for: .milliseconds(1)) } }

    @Test("runs until all keys are published", .timeLimit(.minutes(30)))
    func runs() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        publisher.start(log) { for await _ in gate {} }
        #expect(publisher.isRunning)
        open.finish()
        try await ended()
    }

    @Test("a run that fails ends, so that it is started again", .timeLimit(.minutes(30)))
    func fails() async throws {
        publisher.start(log) { throw Lost() }
        try await ended()
        publisher.start(log) {}
        try await ended()
    }

    @Test("a run that was replaced does not end its successor", .timeLimit(.minutes(30)))
    func replaced() async throws {
        let (firstGate, firstOpen) = AsyncStream.makeStream(of: Void.self)
        let (done, doneSignal) = AsyncStream.makeStream(of: Bool.self)
        publisher.start(log) {
            for await _ in firstGate {}
            doneSignal.yield(Task.isCancelled)
            doneSignal.finish()
        }
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        publisher.start(log) { for await _ in gate {} }
        firstOpen.finish()
        var wasCancelled: Bool?
        for await found in done { wasCancelled = found }
        #expect(wasCancelled == true)
        #expect(publisher.isRunning)
        open.finish()
        try await ended()
    }
}
