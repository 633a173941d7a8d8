internal import Postgres

/// The keys that a Redis needs first or may have lost.
extension PublicationStore {
    /// The subjects of changes published at this time or later, by PostgreSQL's clock.
    ///
    /// - Parameter ms: milliseconds since 1970.
    package func published(sinceMs ms: Int64) async throws -> PublishedSubjects {
        let rows = try await pool.query(
            """
            select distinct subject, subject_id from config_change
            where subject in ('key', 'org') and published_at >= to_timestamp($1::bigint / 1000.0)
            """, [String(ms)])
        func ids(_ subject: String) -> [String] {
            rows.filter { $0.text("subject") == subject }.map { $0.text("subject_id") }
        }
        return PublishedSubjects(keyIDs: ids("key"), orgIDs: ids("org"))
    }

    /// Deletes a bounded number of the oldest changes, if they were published more than `keptDays` ago.
    ///
    /// - Returns: the number of deleted changes.
    package func pruneChanges() async throws -> Int64 {
        try await pool.query(
            """
            with gone as (
                delete from config_change where id in (
                    select id from (select id, published_at from config_change order by id limit $1::integer) oldest
                    where published_at < now() - make_interval(days => $2::integer))
                returning 1
            ) select count(*) as count from gone
            """, [String(Self.prunedMax), String(Self.keptDays)])[0].integer("count")
    }

    private static var prunedMax: Int { 10_000 }
    /// Longer than any Redis that is put back into use can be behind.
    private static var keptDays: Int { 30 }

    /// Identifies the database and its newest migration.
    package func schema() async throws -> String {
        try await pool.query(
            """
            select d.oid || '.' || coalesce(max(m.number), 0) as schema
            from pg_database d left join schema_migration m on true where d.datname = current_database() group by d.oid
            """)[0].text("schema")
    }

    /// Keys with spend today or yesterday, most recent first.
    package func usedKeys() async throws -> [String] {
        try await pool.query(
            """
            select key_id, max(day) as last from spend where day >= (now() at time zone 'utc')::date - 1
            group by key_id order by last desc, key_id
            """
        ).map { $0.text("key_id") }
    }
}
