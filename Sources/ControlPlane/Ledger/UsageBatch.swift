internal import FoundationEssentials
package import PlaneContract

/// The entries read in one turn, sorted by what the ledger does with them.
package struct UsageBatch: Sendable {
    /// A usage event and the generation it was appended in.
    package struct Appended: Sendable {
        package var shard: Int
        package var generation: String
        package var event: UsageEvent
    }

    /// Entries that hold a usage event, in the order read.
    package private(set) var readable: [UsageStreams.Entry] = []
    /// Events that were appended to a stream without touching its counters.
    package private(set) var appended: [Appended] = []
    package private(set) var deadLetters: [DeadLetter] = []
    /// The last stream id read of each shard, unreadable entries included.
    package let last: [Int: String]

    /// - Parameter entries: each shard's in stream order.
    package init(_ entries: [UsageStreams.Entry]) {
        last = Dictionary(entries.map { ($0.shard, $0.streamID) }) { $1 }
        var counted: Set<String> = []
        for entry in entries {
            guard let event = try? JSONDecoder().decode(UsageEvent.self, from: Data(entry.event.utf8)),
                UUID(uuidString: event.id) != nil
            else {
                deadLetters.append(DeadLetter(entry: entry, reason: "not a usage event"))
                continue
            }
            readable.append(entry)
            if let generation = entry.generation {
                appended.append(Appended(shard: entry.shard, generation: generation, event: event))
            } else if entry.kind == "final" {
                counted.insert(event.id)
            }
        }
        // An event both settled and appended is here twice; the settled entry says that it has been counted.
        appended.removeAll { counted.contains($0.event.id) }
    }
}
