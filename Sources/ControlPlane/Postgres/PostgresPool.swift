internal import Foundation
internal import Glibc
internal import Synchronization

/// A few threads, each with its own connection, that run queued jobs, because libpq blocks its thread.
///
/// After a connection has broken, the job in progress fails and the next one gets a new connection. With `jobsMax` jobs
/// waiting, further ones fail with `PostgresError.overloaded`.
package final class PostgresPool: Sendable {
    package static let jobsMax = 1_000

    private typealias Job = @Sendable (Result<PostgresConnection, PostgresError>) -> Bool

    private struct Queue {
        var jobs: [Job] = []
    }

    private let url: String
    private let role: String?
    private let queue = Mutex(Queue())
    private let wake = Semaphore()

    /// - Parameters:
    ///   - url: a connection URI or key/value string of libpq.
    ///   - role: the role to switch to after login; `nil` to keep the login's.
    ///   - threads: the number of threads and so of connections, each opened on first use.
    package init(url: String, role: String?, threads: Int) {
        self.url = url
        self.role = role
        for _ in 0..<threads { Thread.detachNewThread { self.work() } }
    }

    /// Runs `body` with a connection on one of the pool's threads.
    ///
    /// - Throws: what `body` throws; `PostgresError.unreachable` or `.overloaded` when it did not run.
    package func run<T: Sendable>(_ body: @escaping @Sendable (PostgresConnection) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let job: Job = { connection in
                do {
                    let open = try connection.get()
                    let result = Result { try body(open) }
                    continuation.resume(with: result)
                    return !open.isBroken
                } catch {
                    continuation.resume(throwing: error)
                    return false
                }
            }
            let accepted = queue.withLock { queue in
                guard queue.jobs.count < Self.jobsMax else { return false }
                queue.jobs.append(job)
                return true
            }
            if accepted { wake.signal() } else { continuation.resume(throwing: PostgresError.overloaded) }
        }
    }

    /// Runs a single statement with `values` bound to `$1`, `$2`, …
    @discardableResult
    package func query(_ sql: String, _ values: [String?] = []) async throws -> [PostgresRow] {
        try await run { try $0.query(sql, values) }
    }

    private func work() {
        var connection: PostgresConnection?
        while true {
            wake.wait()
            guard let job = queue.withLock({ $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }) else { continue }
            var opened: Result<PostgresConnection, PostgresError>
            if let connection, !connection.isBroken {
                opened = .success(connection)
            } else {
                do throws(PostgresError) {
                    opened = .success(try PostgresConnection(url: url, role: role))
                } catch {
                    opened = .failure(error)
                }
            }
            let usable = job(opened)
            connection = usable ? try? opened.get() : nil
        }
    }
}

/// A counting POSIX semaphore (`sem_overview(7)`).
private final class Semaphore: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0 {} }
}
