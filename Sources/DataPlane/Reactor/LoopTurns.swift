internal import Synchronization

/// What a reactor is doing, in one word, for those who ask why a turn is long. The finer ones are set by whoever knows them.
package enum LoopStage: UInt8, Sendable, CaseIterable {
    /// In the kernel: there is nothing to do.
    case waiting
    /// A descriptor is ready: bytes are read, written or handed to libcurl.
    case socket
    /// What other threads asked for: configuration, connections off TLS.
    case inbox
    case deadlines
    /// The end of a turn: commands are sent, libcurl's callbacks delivered.
    case hooks

    // Requests.
    case head
    case body
    /// A body is read and judged.
    case parse
    /// The answer of the limiter or the cache has come: the request is planned, translated and sent.
    case translate
    /// A provider's bytes are read and passed on.
    case relay
    case settle
    /// A deadline of the request, or its end.
    case timer

    package var name: String { "\(self)" }
}

/// What other threads see of a reactor: how often it has turned, and what it is doing. Costs the reactor a store each.
package final class LoopTurns: Sendable {
    private let turns = Atomic<UInt64>(0)
    private let current = Atomic<UInt8>(LoopStage.waiting.rawValue)
    private let sampled = Atomic<UInt8>(LoopStage.waiting.rawValue)

    package init() {}

    /// How many turns have begun. It rises at least once a second while the reactor is well.
    package var count: UInt64 { turns.load(ordering: .relaxed) }

    package var stage: LoopStage { LoopStage(rawValue: current.load(ordering: .relaxed)) ?? .waiting }

    /// Notes what the turn under way is busy with, as somebody found it who looked from outside.
    package func sample() { sampled.store(current.load(ordering: .relaxed), ordering: .relaxed) }

    // MARK: The reactor's own

    func begin() {
        turns.store(turns.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        sampled.store(LoopStage.waiting.rawValue, ordering: .relaxed)
    }

    func enter(_ stage: LoopStage) { current.store(stage.rawValue, ordering: .relaxed) }

    /// What was found from outside, or else the stage the turn ends in.
    var longest: LoopStage {
        let found = LoopStage(rawValue: sampled.load(ordering: .relaxed)) ?? .waiting
        return found == .waiting ? stage : found
    }
}
