package import KeyMaterial
package import Postgres

/// Verifies the chain of seals page by page from its start, then looks for audit rows that are not on it.
package struct AuditVerification {
    /// Rows held in memory at a time.
    private static let pageRows = 1_000

    private let connection: PostgresConnection
    private var walk: ChainWalk
    private var head: AuditChain.Head { walk.head }
    /// The seal the operator asked for, and whether the walk has passed it.
    private let expectedHead: String?
    private var isExpectedHeadFound = false

    /// - Parameter expectedHead: a seal that must be in the chain; `nil` for none.
    package init(_ connection: PostgresConnection, keys: AuditKeys, head expectedHead: String?) {
        self.connection = connection
        walk = ChainWalk(AuditChain(keys: keys))
        self.expectedHead = expectedHead
    }

    /// The findings, as lines for the operator.
    package struct Report {
        package var lines: [String]
        package var isIntact: Bool
    }

    /// - Throws: the error of the database; a chain that does not match is a report, not an error.
    package mutating func run() throws -> Report {
        let fault = try brokenSeal() ?? strayRow() ?? lostRow()
        var lines = ["\(head.number) rows are sealed", "head: \(head.number == 0 ? "none" : head.seal)"]
        if let fault { return Report(lines: lines + [fault], isIntact: false) }
        lines += [try waiting()]
        guard let expectedHead else { return Report(lines: lines, isIntact: true) }
        guard isExpectedHeadFound else {
            return Report(
                lines: lines + ["\(expectedHead) is not in the chain: the end of the chain was removed"],
                isIntact: false)
        }
        return Report(lines: lines + ["\(expectedHead) is in the chain"], isIntact: true)
    }

    /// - Returns: a description of the first seal that does not match its predecessor and its row; `nil` when all do.
    private mutating func brokenSeal() throws -> String? {
        while true {
            let page = try connection.query(
                """
                select s.number, s.audit_id, s.key, s.seal, \(AuditRow.columns)
                from audit_seal s left join audit_log a on a.id = s.audit_id
                where s.number > $1 order by s.number limit \(Self.pageRows)
                """, [String(head.number)])
            for row in page {
                if let fault = walk.follow(Self.storedSeal(row)) { return fault }
                if head.seal == expectedHead { isExpectedHeadFound = true }
            }
            if page.isEmpty { return nil }
        }
    }

    private static func storedSeal(_ row: PostgresRow) -> StoredSeal {
        StoredSeal(
            number: row.integer("number"), auditID: row.integer("audit_id"), key: row.text("key"),
            seal: row.text("seal"), row: AuditRow(row))
    }

    /// Finds a row that has neither a seal nor a place in the queue.
    ///
    /// A row and its queue entry become visible together, as do its seal and its removal from the queue. Each page is
    /// one statement, so it never sees one without the other.
    private func strayRow() throws -> String? {
        var last = Int64.min
        while true {
            let page = try connection.query(
                """
                select max(p.id) as last,
                    min(p.id) filter (where s.audit_id is null and q.id is null and b.after is null) as stray
                from (select id from audit_log where id > $1 order by id limit \(Self.pageRows)) p
                left join audit_seal s on s.audit_id = p.id
                left join audit_unsealed q on q.id = p.id
                left join audit_seal_backlog b on p.id > b.after and p.id <= b.up_to
                """, [String(last)])
            if let stray = page[0].optionalInteger("stray") {
                return "row \(stray) was inserted, or its seal was removed: it has no seal and is not waiting for one"
            }
            guard let next = page[0].optionalInteger("last") else { return nil }
            last = next
        }
    }

    /// Finds a row that was removed before it was sealed.
    private func lostRow() throws -> String? {
        try connection.query(
            """
            select min(q.id) as lost from audit_unsealed q left join audit_log a on a.id = q.id where a.id is null
            """
        )[0].optionalInteger("lost").map { "row \($0) was removed before it was sealed" }
    }

    private func waiting() throws -> String {
        let count = try connection.query(
            """
            select (select count(*) from audit_unsealed)
                + (select count(*) from audit_log a, audit_seal_backlog b where a.id > b.after and a.id <= b.up_to) as waiting
            """
        )[0].integer("waiting")
        return "\(count) rows are waiting to be sealed"
    }
}
