internal import Logging
internal import Synchronization

/// Pushes every key into a Redis that lost them, beside all else. Until it is through, workers answer 503 for keys they do not find.
final class KeyFilling: Sendable {
    private struct Run {
        var number = 0
        var task: Task<Void, Never>?
    }

    private let run = Mutex(Run())

    var isRunning: Bool { run.withLock { $0.task != nil } }

    func start(_ publisher: Publisher, _ log: Logger) {
        run.withLock { run in
            run.task?.cancel()
            run.number += 1
            let number = run.number
            run.task = Task {
                do {
                    try await publisher.publishAllKeys()
                    log.info("all keys are in Redis")
                } catch {
                    if !Task.isCancelled { log.warning("not all keys are in Redis", metadata: ["reason": "\(error)"]) }
                }
                ended(number)
            }
        }
    }

    func stop() {
        run.withLock { run in
            run.task?.cancel()
            run.task = nil
        }
    }

    /// A run that was stopped may end after the next one began.
    private func ended(_ number: Int) { run.withLock { if $0.number == number { $0.task = nil } } }
}
