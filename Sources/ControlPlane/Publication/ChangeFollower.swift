internal import Postgres

/// Publishes whenever PostgreSQL notifies, and every second in case a notification was missed.
///
/// Urgent changes have their own loop, so a revocation made in psql does not wait behind a bulk change.
package struct ChangeFollower: Sendable {
    private static let backstopMs: Int32 = 1_000

    private let url: String
    private let publisher: Publisher

    /// - Parameter url: of PostgreSQL; the listener has a connection of its own.
    package init(url: String, publisher: Publisher) {
        self.url = url
        self.publisher = publisher
    }

    /// Runs until cancelled.
    package func run() async {
        let (urgent, urgentSignal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let (bulk, bulkSignal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let listener = PostgresListener(url: url, channel: "config_change", backstopMs: Self.backstopMs) {
            urgentSignal.yield()
            bulkSignal.yield()
        }
        listener.start()
        defer { listener.stop() }
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in urgent { _ = await publisher.publishUrgent() } }
            group.addTask { for await _ in bulk { _ = await publisher.publishBulk() } }
        }
    }
}
