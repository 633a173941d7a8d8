internal import AdminCore
internal import Postgres
internal import Synchronization

/// The connections for long results, each for one at a time, so that exports cannot use up those of the admin API.
///
/// A reader that has paused for longer than PostgreSQL lets it loses its connection to the next one, and so does one
/// that takes longer than `secondsMax` in all: an open transaction keeps PostgreSQL from cleaning up after all others.
final class ExportSlots: Sendable {
    /// From the first row to the last.
    private static let secondsMax: Int64 = 300

    private struct Slot {
        let pool: PostgresPool
        /// The number of the export that has it; `nil` when free.
        var export: Int64?
        var openedAt = ContinuousClock.now
        var usedAt = ContinuousClock.now

        func isOver(at now: ContinuousClock.Instant) -> Bool { now - openedAt > .seconds(secondsMax) }
    }

    private struct State {
        var slots: [Slot]
        var exports: Int64 = 0
    }

    private let state: Mutex<State>

    /// - Parameter pools: each with one connection, used by nothing else.
    init(_ pools: [PostgresPool]) { state = Mutex(State(slots: pools.map { Slot(pool: $0) })) }

    /// Opens a query and returns what fetches its next rows, at most `count`.
    ///
    /// - Throws: `AdminError.tooManyExports` when every connection is in use.
    func open(
        _ sql: String, _ values: [String?]
    ) async throws -> @Sendable (_ count: Int) async throws -> [PostgresRow] {
        guard let (pool, export) = acquire() else { throw AdminError.tooManyExports }
        let cursor = try await PostgresCursor.open(on: pool, sql, values) { [self] in release(export) }
        return { [self] count in
            try use(export)
            let rows = try await cursor.next(count)
            try use(export)
            return rows
        }
    }

    private func acquire() -> (pool: PostgresPool, export: Int64)? {
        let now = ContinuousClock.now
        return state.withLock { state in
            let free = state.slots.firstIndex { slot in
                slot.export == nil || slot.isOver(at: now)
                    || now - slot.usedAt > .seconds(PostgresCursor.idleSecondsMax)
            }
            guard let free else { return nil }
            state.exports += 1
            state.slots[free].export = state.exports
            state.slots[free].openedAt = now
            state.slots[free].usedAt = now
            return (state.slots[free].pool, state.exports)
        }
    }

    private func use(_ export: Int64) throws {
        let isMine = state.withLock { state in
            let now = ContinuousClock.now
            guard let place = state.slots.firstIndex(where: { $0.export == export }),
                !state.slots[place].isOver(at: now)
            else { return false }
            state.slots[place].usedAt = now
            return true
        }
        if !isMine { throw AdminError.tooManyExports }
    }

    private func release(_ export: Int64) {
        state.withLock { state in
            guard let place = state.slots.firstIndex(where: { $0.export == export }) else { return }
            state.slots[place].export = nil
        }
    }
}
