package import PlaneContract

/// What the publisher reads: pending changes, key records, and the catalogue as one snapshot.
package protocol PublicationSource: Sendable {
    /// The next batch of unpublished changes, revocations and suspensions first.
    func pending(_ lane: PublicationLane) async throws -> PendingChanges
    /// Records that these changes are in Redis. Called only after the writes have succeeded.
    func markPublished(_ ids: [String]) async throws
    /// The records of the given keys and of all keys of the given orgs, one record per digest.
    func keys(_ keyIDs: Set<String>, orgs: Set<String>) async throws -> [PublishedKey]
    /// One page of the records of all keys after this key, by key id; empty after the last page.
    func keys(after id: String?) async throws -> [PublishedKey]
    /// Recently used keys, most recent first.
    func usedKeys() async throws -> [String]
    /// The subjects of changes published at this time or later, in milliseconds of the source's clock.
    func published(sinceMs ms: Int64) async throws -> PublishedSubjects
    /// Deletes a bounded number of changes that were published long ago, and returns how many.
    func pruneChanges() async throws -> Int64
    /// Identifies the database and its newest migration.
    func schema() async throws -> String
    /// The whole catalogue under the next version. A credential for which `reseal` returns `nil` is left out.
    func snapshot(
        reseal: @escaping @Sendable (_ id: String, _ sealed: String) -> String?
    ) async throws -> GatewaySnapshot
}

/// The publishing queue of a change, chosen by its subject.
package enum PublicationLane: String, Sendable {
    /// Keys, the catalogue and suspended orgs: little to push, and possibly a revocation.
    case urgent
    /// All other changes of orgs. A plan change is one per org of the plan, and may affect every key.
    case bulk
}

/// A batch of unpublished changes and what they refer to.
package struct PendingChanges: Sendable {
    package var changeIDs: [String]
    package var keyIDs: Set<String>
    package var orgIDs: Set<String>
    package var catalogue: Bool
    package var isEmpty: Bool { changeIDs.isEmpty }

    /// - Parameter catalogue: whether the snapshot has changed.
    package init(changeIDs: [String], keyIDs: Set<String>, orgIDs: Set<String>, catalogue: Bool) {
        self.changeIDs = changeIDs
        self.keyIDs = keyIDs
        self.orgIDs = orgIDs
        self.catalogue = catalogue
    }
}

/// A key record, and the digest of a secret that it is found by.
package struct PublishedKey: Sendable {
    package var digest: String
    package var record: KeyRecord

    package init(digest: String, record: KeyRecord) {
        self.digest = digest
        self.record = record
    }
}

/// Distinct ids of keys and orgs.
package struct PublishedSubjects: Sendable {
    package var keyIDs: [String]
    package var orgIDs: [String]

    package init(keyIDs: [String], orgIDs: [String]) {
        self.keyIDs = keyIDs
        self.orgIDs = orgIDs
    }
}
