internal import Foundation
internal import Glibc

/// A thread beside a reactor for work that would block its loop for too long. Runs one item after another, in order.
///
/// Unfinished work is bounded in bytes: a client that leaves frees its share of `BodyBudget`, but its body stays here
/// until its turn.
package final class SideThread: @unchecked Sendable {
    /// Lower priority than the loops on a shared core: the work here is large, while the loops serve many requests.
    private static let nice: Int32 = 5

    private let name: String
    private let condition = NSCondition()
    private let bytesMax: Int
    private var waiting: [Item] = []
    private var bytes = 0
    private var isStarted = false

    private struct Item {
        var bytes: Int
        var work: @Sendable () -> Void
    }

    /// - Parameters:
    ///   - name: the thread's name, at most 15 bytes. The thread starts with its first work and ends with the process.
    ///   - bytesMax: the most bytes that unfinished work may hold together.
    package init(name: String, bytesMax: Int) {
        self.name = name
        self.bytesMax = bytesMax
    }

    /// Queues work that holds `bytes` until it has run.
    ///
    /// - Returns: `false` if there is no room; the work is then dropped.
    package func run(holding bytes: Int, _ work: @escaping @Sendable () -> Void) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard self.bytes + bytes <= bytesMax else { return false }
        self.bytes += bytes
        waiting.append(Item(bytes: bytes, work: work))
        if !isStarted {
            isStarted = true
            Thread.detachNewThread { self.loop() }
        }
        condition.signal()
        return true
    }

    private func loop() {
        Reactor.nameThread(name)
        // Applies to the calling thread only, on Linux (setpriority(2), "C library/kernel differences").
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.nice)
        while true { finish(runNext()) }
    }

    /// Runs the next item and lets go of it.
    ///
    /// - Returns: the bytes it held.
    private func runNext() -> Int {
        condition.lock()
        while waiting.isEmpty { condition.wait() }
        let item = waiting.removeFirst()
        condition.unlock()
        item.work()
        return item.bytes
    }

    private func finish(_ bytes: Int) {
        condition.lock()
        self.bytes -= bytes
        condition.unlock()
    }
}
