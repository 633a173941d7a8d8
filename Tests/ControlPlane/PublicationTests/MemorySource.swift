import PlaneContract
import Publication
import Synchronization

/// A database's configuration in memory, with the changes that are yet to be published.
final class MemorySource: PublicationSource {
    struct Change: Sendable {
        var id: String
        var lane: PublicationLane
        /// `key`, `org` or `catalogue`.
        var subject: String
        var subjectID: String
        var publishedMs: Int64?
    }

    struct State: Sendable {
        var keys: [KeyRecord] = []
        var changes: [Change] = []
        var credentials: [CredentialEntry] = []
        var snapshotVersion: Int64 = 0
        var nowMs: Int64 = 1_000_000
        /// Called once, while a round is reading what is pending, after it has read.
        var whileReading: (@Sendable () -> Void)?
    }

    static let pageMax = 2
    private let state = Mutex(State())

    @discardableResult
    func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        state.withLock { body(&$0) }
    }

    /// A new key, or a new version of one, and the change that says so.
    func change(
        key id: String, version: Int64, status: KeyRecord.Status = .active, org: String = "org_a",
        lane: PublicationLane = .urgent
    ) {
        let record = KeyRecord(
            keyID: id, orgID: org, name: id, plan: "free", version: version, orgVersion: 1, status: status,
            expiresAtMs: nil, allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits())
        state.withLock { state in
            state.keys.removeAll { $0.keyID == id }
            state.keys.append(record)
            state.keys.sort { $0.keyID < $1.keyID }
            let subject = lane == .urgent ? ("key", id) : ("org", org)
            state.changes.append(
                Change(id: String(state.changes.count), lane: lane, subject: subject.0, subjectID: subject.1))
        }
    }

    func changeCatalogue() {
        state.withLock {
            $0.changes.append(Change(id: String($0.changes.count), lane: .urgent, subject: "catalogue", subjectID: ""))
        }
    }

    var unpublished: Int { state.withLock { $0.changes.count { $0.publishedMs == nil } } }

    func pending(_ lane: PublicationLane) async throws -> PendingChanges {
        let (found, hook) = state.withLock { state in
            let hook = state.whileReading
            state.whileReading = nil
            return (state.changes.filter { $0.lane == lane && $0.publishedMs == nil }, hook)
        }
        hook?()
        func ids(_ subject: String) -> Set<String> {
            Set(found.filter { $0.subject == subject }.map(\.subjectID))
        }
        return PendingChanges(
            changeIDs: found.map(\.id), keyIDs: ids("key"), orgIDs: ids("org"), catalogue: !ids("catalogue").isEmpty)
    }

    func markPublished(_ ids: [String]) async throws {
        state.withLock { state in
            for at in state.changes.indices where ids.contains(state.changes[at].id) {
                state.changes[at].publishedMs = state.nowMs
            }
        }
    }

    private func published(_ record: KeyRecord) -> PublishedKey {
        PublishedKey(digest: "d-" + record.keyID, record: record)
    }

    func keys(_ keyIDs: Set<String>, orgs: Set<String>) async throws -> [PublishedKey] {
        state.withLock { $0.keys.filter { keyIDs.contains($0.keyID) || orgs.contains($0.orgID) } }.map(published)
    }

    func keys(after id: String?) async throws -> [PublishedKey] {
        state.withLock { Array($0.keys.filter { $0.keyID > id ?? "" }.prefix(Self.pageMax)) }.map(published)
    }

    func usedKeys() async throws -> [String] { state.withLock { $0.keys.prefix(1).map(\.keyID) } }

    func published(sinceMs ms: Int64) async throws -> PublishedSubjects {
        state.withLock { state in
            let since = state.changes.filter { ($0.publishedMs ?? .min) >= ms }
            return PublishedSubjects(
                keyIDs: since.filter { $0.subject == "key" }.map(\.subjectID),
                orgIDs: since.filter { $0.subject == "org" }.map(\.subjectID))
        }
    }

    func pruneChanges() async throws -> Int64 { 0 }
    func schema() async throws -> String { "1.76" }

    func snapshot(
        reseal: @escaping @Sendable (_ id: String, _ sealed: String) -> String?
    ) async throws -> GatewaySnapshot {
        state.withLock { state in
            state.snapshotVersion += 1
            let credentials = state.credentials.compactMap { entry in
                reseal(entry.id, entry.sealed).map { CredentialEntry(id: entry.id, sealed: $0) }
            }
            return GatewaySnapshot(
                version: state.snapshotVersion, providers: [], credentials: credentials, models: [], deployments: [],
                aliases: [])
        }
    }
}
