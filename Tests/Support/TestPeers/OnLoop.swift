import Foundation
package import Reactor

/// Something that lives on a reactor of its own, for a test that does not.
package final class OnLoop<Value>: @unchecked Sendable {
    package let reactor: Reactor
    /// Touched on the reactor alone.
    private let value: Value

    /// - Parameter make: runs before the reactor turns.
    package init(_ make: (Reactor) throws -> Value) rethrows {
        reactor = Reactor()
        value = try make(reactor)
        reactor.start()
    }

    deinit { reactor.execute { [reactor] in reactor.stop() } }

    /// Runs `body` on the reactor.
    package func run<Result: Sendable>(_ body: @escaping @Sendable (Value) -> Result) async -> Result {
        await reactor.submit { body(self.value) }
    }

    /// Runs `body` on the reactor, and waits until it replies.
    package func ask<Result: Sendable>(
        _ body: @escaping @Sendable (Value, @escaping @Sendable (Result) -> Void) -> Void
    ) async -> Result {
        await withCheckedContinuation { continuation in
            reactor.execute { body(self.value) { continuation.resume(returning: $0) } }
        }
    }
}

/// The one bound on waiting: a test that reaches it hangs, however slow the machine.
private let hangBound = Duration.seconds(600)

/// Waits until the condition holds; false when the test hangs.
package func eventually(_ condition: @Sendable () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + hangBound
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return false
}

/// Notes made in order, from any thread.
package final class Notes<Note: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var notes: [Note] = []

    package init() {}

    package var all: [Note] { lock.withLock { notes } }
    package func add(_ note: Note) { lock.withLock { notes.append(note) } }
}
