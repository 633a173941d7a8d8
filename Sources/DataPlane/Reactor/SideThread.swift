internal import Foundation
internal import Glibc

/// A thread beside a reactor for work that would keep its loop busy too long: one piece after another, in the order they come.
///
/// How much waits is for those to bound who give it work; the gateway gives it bodies of requests, which `BodyBudget` bounds.
package final class SideThread: @unchecked Sendable {
    /// Behind the loops where both want the same core: what waits here is large, what waits there is many.
    private static let nice: Int32 = 5

    private let name: String
    private let condition = NSCondition()
    private var waiting: [@Sendable () -> Void] = []
    private var isStarted = false

    /// - Parameter name: the thread's, at most 15 bytes. It starts with its first work, and ends with the process.
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
        // Of the calling thread alone, on Linux (setpriority(2), "C library/kernel differences").
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
