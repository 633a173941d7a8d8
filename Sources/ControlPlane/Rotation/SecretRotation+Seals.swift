internal import KeyMaterial
internal import PlaneContract
internal import Postgres

/// Rotates the keys that seal something.
///
/// No version is used before every process can open what it seals, and none is dropped while something is sealed under
/// it.
extension SecretRotation {
    func rotateKEK(_ connection: PostgresConnection) async throws {
        let path = settings.kekFile
        var file = try begin(.kek, at: path)
        let newest = file.newest
        try await wait(until: "hold version \(newest.number) of the KEK") {
            $0.isControlPlane && $0.report?.holds(newest.name, of: .kek) != true
        }
        file = try use(file, .kek, at: path)
        // Repeated if a program that had read the old file stored a credential in the meantime.
        repeat {
            let count = try connection.transaction { try reseal(file, connection) }
            report("kek: \(count) credentials sealed under version \(newest.number)")
        } while try !connection.transaction { try dropKEK(file, connection) }
    }

    /// - Returns: false when a credential is still sealed under a version other than the current one.
    private func dropKEK(_ file: SecretFile, _ connection: PostgresConnection) throws -> Bool {
        // `Commands.load` holds this lock, shared, from before it reads the file until it has stored the credentials.
        try connection.query("select pg_advisory_xact_lock(\(Self.sealingLock))")
        let others = try connection.query(
            "select id from credential where split_part(sealed, '.', 1) <> $1", [String(file.current.number)])
        guard others.isEmpty else { return false }
        try drop(file, .kek, at: settings.kekFile)
        return true
    }

    /// Seals again, under the current version, every credential sealed under another one.
    private func reseal(_ file: SecretFile, _ connection: PostgresConnection) throws -> Int {
        try connection.query("select pg_advisory_xact_lock(\(Self.sealingLock))")
        try connection.query("select set_config('aihub.actor', 'aihub-control secrets rotate', true)")
        let sealer = Sealer(file, purpose: .credentialAtRest)
        var unopened: [String] = []
        var count = 0
        for row in try connection.query("select id, sealed from credential order by id for update") {
            let (id, sealed) = (row.text("id"), row.text("sealed"))
            if Sealer.version(of: sealed) == file.current.number { continue }
            guard let secret = try? sealer.open(sealed, context: CredentialEntry.sealContext(id)) else {
                unopened.append(id)
                continue
            }
            try connection.query(
                "update credential set sealed = $2 where id = $1",
                [id, try sealer.seal(secret, context: CredentialEntry.sealContext(id))])
            count += 1
        }
        guard unopened.isEmpty else { throw RotationError.unreadableCredentials(ids: unopened) }
        return count
    }

    /// Rotates the seal key without the lock against other rotations, which `rotate` takes.
    package func rotateSealKey() async throws {
        let path = settings.sealKeyFile
        var file = try begin(.sealKey, at: path)
        let newest = file.newest
        try await wait(until: "hold version \(newest.number) of the seal key") {
            $0.report?.holds(newest.name, of: .sealKey) != true
        }
        file = try use(file, .sealKey, at: path)
        try await wait(until: "use version \(newest.number) of the seal key") { process in
            guard let report = process.report, report.uses(newest.name, of: .sealKey) else { return true }
            return report.sealedUnder?.contains { $0 != newest.number } == true
        }
        try drop(file, .sealKey, at: path)
    }
}
