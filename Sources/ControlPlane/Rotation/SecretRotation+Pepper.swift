internal import KeyMaterial
internal import PlaneContract
internal import Postgres

/// Rotates the pepper.
///
/// A digest cannot be recomputed without the key, which only the client has. Existing keys therefore stay under their
/// pepper, which is kept beside the new one until no key needs it.
extension SecretRotation {
    func rotatePepper(_ connection: PostgresConnection) async throws {
        let path = settings.pepperFile
        if try SecretFile(path: path).stage == .atRest {
            try recordPepperOfOlderKeys(under: try SecretFile(path: path).current, connection)
        }
        var file = try begin(.pepper, at: path)
        let newest = file.newest
        try await wait(until: "hold version \(newest.number) of the pepper") {
            $0.report?.holds(newest.name, of: .pepper) != true
        }
        file = try use(file, .pepper, at: path)
        try await waitForNewKeys(under: newest)
        let older = try keys(under: connection).filter { $0.pepper != newest.name }.map(\.keys).reduce(0, +)
        report(
            "pepper: new keys are under version \(newest.number); \(older) keys are under older ones, which stay valid")
    }

    /// Drops every pepper but the current one. Keys made under another one stop working for good.
    ///
    /// - Parameter keysStop: drop them even if there are such keys.
    package func dropPeppers(keysStop: Bool) async throws {
        let connection = try lockedConnection()
        let file = try SecretFile(path: settings.pepperFile)
        guard file.stage == .used else { throw RotationError.noOldPepper }
        // After this wait, no control plane makes keys under an older pepper.
        try await waitForNewKeys(under: file.current)
        let older = try keys(under: connection).filter { $0.pepper != file.current.name }
        let count = older.map(\.keys).reduce(0, +)
        guard keysStop || count == 0 else { throw RotationError.oldPepperInUse(count: count) }
        try drop(file, .pepper, at: settings.pepperFile)
        if count > 0 { report("pepper: \(count) keys no longer authenticate") }
    }

    private func waitForNewKeys(under pepper: SecretFile.Version) async throws {
        try await wait(until: "use version \(pepper.number) of the pepper") {
            $0.isControlPlane && $0.report?.uses(pepper.name, of: .pepper) != true
        }
    }

    /// Records the only pepper there is for keys that were made before peppers were recorded.
    private func recordPepperOfOlderKeys(under pepper: SecretFile.Version, _ connection: PostgresConnection) throws {
        try connection.query(
            """
            insert into key_pepper (digest, pepper)
            select digest, $1 from (select digest from api_key union all select digest from retired_digest) d
            on conflict do nothing
            """, [pepper.name])
    }

    func keys(under connection: PostgresConnection) throws -> [(pepper: String, keys: Int64)] {
        try connection.query("select pepper, keys from keys_of_pepper order by pepper").map {
            ($0.text("pepper"), $0.integer("keys"))
        }
    }
}
