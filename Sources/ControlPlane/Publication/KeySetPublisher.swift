package import Logging
internal import Synchronization

/// Publishes all keys, in the background, to a Redis that lost them.
///
/// Until it has finished, workers answer 503 instead of 401 for keys they do not find.
package final class KeySetPublisher: Sendable {
    private struct Run {
        var number = 0
        var task: Task<Void, Never>?
    }

    private let run = Mutex(Run())

    package init() {}

    /// Whether a run has started and not ended.
    package var isRunning: Bool { run.withLock { $0.task != nil } }

    /// Starts, or starts again.
    ///
    /// - Parameter publishAllKeys: cancelled when another run starts or `stop` is called.
    package func start(_ log: Logger, _ publishAllKeys: @escaping @Sendable () async throws -> Void) {
        run.withLock { run in
            run.task?.cancel()
            run.number += 1
            let number = run.number
            run.task = Task {
                do {
                    try await publishAllKeys()
                    log.info("published all keys")
                } catch {
                    if !Task.isCancelled {
                        log.warning("cannot publish all keys yet", metadata: ["reason": "\(error)"])
                    }
                }
                ended(number)
            }
        }
    }

    /// Cancels the current run.
    package func stop() {
        run.withLock { run in
            run.task?.cancel()
            run.task = nil
        }
    }

    /// A cancelled run may end after its successor has started, so only the current one clears the task.
    private func ended(_ number: Int) { run.withLock { if $0.number == number { $0.task = nil } } }
}
