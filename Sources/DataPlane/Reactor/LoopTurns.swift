internal import Synchronization

/// What a reactor is doing, to explain slow turns. Request stages are set by the code that handles requests.
package enum LoopStage: UInt8, Sendable, CaseIterable {
    /// In the kernel: there is nothing to do.
    case waiting
    /// A descriptor is ready: bytes are read, written or handed to libcurl.
    case socket
    /// Work submitted by other threads: configuration, connections from the TLS front.
    case inbox
    case deadlines
    /// The end of a turn: commands are sent, libcurl's callbacks are delivered.
    case hooks

    // Requests.
    case head
    case body
    /// A body is complete: it is parsed and checked.
    case parse
    /// The limiter or the cache has answered: the request is planned, translated and sent.
    case translate
    /// A provider's bytes are read and relayed.
    case relay
    case settle
    /// A deadline of the request, or its end.
    case timer

    package var name: String { "\(self)" }
}

/// What other threads can see of a reactor: how many turns it has begun and its current stage. Updates cost the reactor
/// one store each.
package final class LoopTurns: Sendable {
    private let turns = Atomic<UInt64>(0)
    private let current = Atomic<UInt8>(LoopStage.waiting.rawValue)
    private let sampled = Atomic<UInt8>(LoopStage.waiting.rawValue)

    package init() {}

    /// The number of turns begun. Rises at least once a second while the reactor is healthy.
    package var count: UInt64 { turns.load(ordering: .relaxed) }

    package var stage: LoopStage { LoopStage(rawValue: current.load(ordering: .relaxed)) ?? .waiting }

    /// Records the current stage as the one this turn is slow in. Called by an observer on another thread.
    package func sample() { sampled.store(current.load(ordering: .relaxed), ordering: .relaxed) }

    // MARK: For the reactor only

    func begin() {
        turns.store(turns.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        sampled.store(LoopStage.waiting.rawValue, ordering: .relaxed)
    }

    func enter(_ stage: LoopStage) { current.store(stage.rawValue, ordering: .relaxed) }

    /// The stage an observer sampled in this turn, else the current stage.
    var longest: LoopStage {
        let found = LoopStage(rawValue: sampled.load(ordering: .relaxed)) ?? .waiting
        return found == .waiting ? stage : found
    }
}
