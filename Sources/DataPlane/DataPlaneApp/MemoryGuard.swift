internal import Foundation
internal import Synchronization

/// Watches how much memory the process has, so that new requests are refused before the system kills the running ones.
final class MemoryGuard: Sendable {
    /// The part of the budget above which nothing new is taken.
    private static let share = 0.85
    private static let pageBytes = 4_096
    /// Less than a large body takes to arrive, so that the next one is judged with it.
    private static let lookEvery = Duration.milliseconds(20)

    private let limitBytes: Int
    private let short = Atomic(false)

    /// - Parameter budgetBytes: what the process may use; 0 for no limit.
    init(budgetBytes: Int) { limitBytes = Int(Double(budgetBytes) * Self.share) }

    var isShort: Bool { short.load(ordering: .relaxed) }

    func run() async {
        guard limitBytes > 0 else { return }
        while !Task.isCancelled {
            short.store(Self.residentBytes() > limitBytes, ordering: .relaxed)
            try? await Task.sleep(for: Self.lookEvery)
        }
    }

    /// The resident set (proc(5), `statm`, second field).
    private static func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let words = text.split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * pageBytes : 0
    }
}
