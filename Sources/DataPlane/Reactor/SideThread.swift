internal import Foundation
internal import Glibc

/// A thread beside a reactor for work that would block its loop for too long. Runs one item after another, in order.
///
/// The queue is unbounded; callers must bound what they submit. The gateway submits request bodies, which `BodyBudget`
/// bounds.
package final class SideThread: @unchecked Sendable {
    /// Lower priority than the loops on a shared core: the work here is large, while the loops serve many requests.
    private static let nice: Int32 = 5

    private let name: String
    private let condition = NSCondition()
    private var waiting: [@Sendable () -> Void] = []
    private var isStarted = false

    /// - Parameter name: the thread's name, at most 15 bytes. The thread starts with its first work and ends with the
    ///   process.
    package init(name: String) { self.name = name }

    package func run(_ work: @escaping @Sendable () -> Void) {
        condition.lock()
        defer { condition.unlock() }
        waiting.append(work)
        if !isStarted {
            isStarted = true
            Thread.detachNewThread { self.loop() }
        }
        condition.signal()
    }

    private func loop() {
        Reactor.nameThread(name)
        // Applies to the calling thread only, on Linux (setpriority(2), "C library/kernel differences").
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.nice)
        while true {
            for work in next() { work() }
        }
    }

    private func next() -> [@Sendable () -> Void] {
        condition.lock()
        defer { condition.unlock() }
        while waiting.isEmpty { condition.wait() }
        defer { waiting = [] }
        return waiting
    }
}
