package import KeyMaterial
package import Logging
package import Operations
package import Postgres

/// Seals new rows of the audit log about once a second.
///
/// A transaction-scoped advisory lock lets only one control plane seal at a time.
///
/// The newest seal also goes to the log. Truncating the chain together with its rows leaves no trace in the database,
/// but `aihub-control audit verify --head` then fails for a seal kept in the log.
package struct AuditSealer: Sendable {
    /// Rows sealed in one transaction.
    static let rowsMax = 500
    private static let pause = Duration.seconds(1)
    private static let headLogInterval = Duration.seconds(60)
    /// An arbitrary number, but the same in every control plane.
    private static let lock = "7283910456"

    private let pool: PostgresPool
    private let chain: AuditChain
    private let metrics: MetricsRegistry
    private let log: Logger

    /// - Parameter pool: connects as `gw_ingest`; the API's role cannot write seals.
    package init(pool: PostgresPool, keys: AuditKeys, metrics: MetricsRegistry, log: Logger) {
        self.pool = pool
        chain = AuditChain(keys: keys)
        self.metrics = metrics
        self.log = log
    }

    /// Runs until cancelled. It retries while PostgreSQL is down; new rows stay queued there.
    package func run() async {
        var logged = AuditChain.Head.none
        var loggedAt: ContinuousClock.Instant?
        while !Task.isCancelled {
            var isBehind = false
            do {
                if let round = try await round() {
                    isBehind = round.sealed == Self.rowsMax
                    let isDue = loggedAt.map { ContinuousClock.now - $0 >= Self.headLogInterval } ?? true
                    if isDue, round.head != logged {
                        logHead(round.head)
                        logged = round.head
                        loggedAt = .now
                    }
                }
            } catch {
                if !Task.isCancelled { log.warning("cannot seal the audit log yet", metadata: ["reason": "\(error)"]) }
            }
            if !isBehind { try? await Task.sleep(for: Self.pause) }
        }
    }

    private func logHead(_ head: AuditChain.Head) {
        log.notice("audit log sealed", metadata: ["number": "\(head.number)", "seal": "\(head.seal)"])
    }

    private struct Round {
        var head: AuditChain.Head
        var sealed: Int
    }

    /// - Returns: `nil` while another control plane is sealing.
    private func round() async throws -> Round? {
        let chain = chain
        let round = try await pool.run { connection in
            try connection.transaction { () -> Round? in
                guard
                    try connection.query("select pg_try_advisory_xact_lock($1::bigint) as mine", [Self.lock])[0]
                        .bool("mine")
                else { return nil }
                try Self.queueBacklog(on: connection)
                return try Self.seal(chain, on: connection)
            }
        }
        if let round { metrics.add("aihub_control_audit_sealed_total", by: Double(round.sealed)) }
        return round
    }

    /// Queues one page of the rows that were written before the queue existed.
    private static func queueBacklog(on connection: PostgresConnection) throws {
        guard try !connection.query("select after from audit_seal_backlog where after < up_to").isEmpty else { return }
        try connection.query(
            """
            with page as (
                select a.id from audit_seal_backlog b, audit_log a where a.id > b.after and a.id <= b.up_to
                order by a.id limit $1
            ), queued as (
                insert into audit_unsealed select id from page
                where not exists (select from audit_seal s where s.audit_id = page.id) on conflict do nothing
            )
            update audit_seal_backlog set after = coalesce((select max(id) from page), up_to)
            """, [String(rowsMax)])
    }

    private static func seal(_ chain: AuditChain, on connection: PostgresConnection) throws -> Round {
        let key = chain.keys.newest
        var head = AuditChain.Head.none
        let newest = "select number, seal, key from audit_seal order by number desc limit 1"
        if let last = try connection.query(newest).first {
            guard chain.keys.key(named: last.text("key")) != nil else { throw UnknownKeyError(name: last.text("key")) }
            head = AuditChain.Head(number: last.integer("number"), seal: last.text("seal"))
        }
        let rows = try connection.query(
            "select \(AuditRow.columns) from audit_unsealed q join audit_log a using (id) order by id limit $1",
            [String(rowsMax)]
        ).compactMap(AuditRow.init)
        guard !rows.isEmpty else { return Round(head: head, sealed: 0) }
        var seals: [AuditChain.Head] = []
        for row in rows {
            guard let next = chain.seal(row, after: head, key: key.name) else { throw UnknownKeyError(name: key.name) }
            seals.append(next)
            head = next
        }
        let ids = PostgresArray.literal(rows.map { String($0.id) })
        try connection.query(
            """
            insert into audit_seal (number, audit_id, key, seal)
            select number, audit_id, $1, seal from unnest($2::bigint[], $3::bigint[], $4::text[]) as s(number, audit_id, seal)
            """,
            [
                key.name, PostgresArray.literal(seals.map { String($0.number) }), ids,
                PostgresArray.literal(seals.map(\.seal)),
            ])
        try connection.query("delete from audit_unsealed where id = any($1::bigint[])", [ids])
        return Round(head: head, sealed: rows.count)
    }

    /// Control planes with different key files would build a chain that neither can verify.
    private struct UnknownKeyError: Error, CustomStringConvertible {
        let name: String
        var description: String {
            "the newest seal was made with the key \(name), which is not in the audit key file: all control planes need the same file"
        }
    }
}
