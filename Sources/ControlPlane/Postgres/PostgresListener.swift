internal import Foundation
internal import Synchronization

/// Listens on one channel over its own connection and calls `onChange` whenever something may have happened.
///
/// That is on each notification, after each reconnect, and at least every `backstopMs`.
package final class PostgresListener: Sendable {
    private static let retrySeconds = 0.5

    private let url: String
    private let channel: String
    private let backstopMs: Int32
    private let onChange: @Sendable () -> Void
    private let stopped = Mutex(false)

    /// - Parameter channel: a plain lower-case name; it becomes part of a `LISTEN` statement, which takes no
    ///   parameters.
    package init(url: String, channel: String, backstopMs: Int32, onChange: @escaping @Sendable () -> Void) {
        precondition(channel.allSatisfy { $0.isLowercase || $0 == "_" }, "a channel is a plain name")
        self.url = url
        self.channel = channel
        self.backstopMs = backstopMs
        self.onChange = onChange
    }

    /// Starts the listener's thread, which reconnects until `stop`.
    package func start() { Thread.detachNewThread { self.run() } }

    /// Ends the thread once its current wait is over.
    package func stop() { stopped.withLock { $0 = true } }

    private func run() {
        while !stopped.withLock({ $0 }) {
            do {
                let connection = try PostgresConnection(url: url)
                try connection.script("listen \(channel)")
                onChange()
                while !stopped.withLock({ $0 }) {
                    _ = try connection.waitForNotification(milliseconds: backstopMs)
                    onChange()
                }
            } catch {
                Thread.sleep(forTimeInterval: Self.retrySeconds)
            }
        }
    }
}
