internal import AdminCore
internal import AdminStore
package import AuditLog
internal import FoundationEssentials
internal import KeyMaterial
internal import Operations
internal import Postgres
internal import Rotation
internal import Yams

/// The commands of `aihub-control` other than serving.
package struct Commands: Sendable {
    private let settings: ControlSettings

    /// - Parameter settings: already validated; each command reads the files it needs.
    package init(settings: ControlSettings) { self.settings = settings }

    /// Brings the schema up to date.
    ///
    /// - Returns: the names of the migrations that ran.
    /// - Throws: `Migrations.MigrationError`; what ran before it stays.
    package func migrate() throws -> [String] {
        let migrations = try Migrations(folder: settings.sqlFolder, checksum: Fingerprint.sha256)
        return try migrations.run(on: try PostgresConnection(url: settings.postgresURL))
    }

    /// Loads a catalogue file (YAML), all of it or nothing. A running control plane then publishes the changes.
    ///
    /// - Parameter environment: where the file's `credential_from_environment` are looked up.
    package func load(path: String, environment: [String: String]) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let file = try YAMLDecoder().decode(CatalogueFile.self, from: text)
        let connection = try PostgresConnection(url: settings.postgresURL, role: "gw_cp")
        // While this lock is held, no KEK version is dropped, so what is sealed below stays readable.
        try connection.query("select pg_advisory_lock_shared(\(SecretRotation.sealingLock))")
        let sealer = Sealer(try SecretFile(path: settings.kekFile), purpose: .credentialAtRest)
        try CatalogueLoader(connection, sealer: sealer, environment: environment)
            .load(file, actor: "aihub-control load")
    }

    /// - Parameter head: a seal taken from the log, which must be in the chain.
    package func verifyAudit(head: String?) throws -> AuditVerification.Report {
        let keys = AuditKeys(try SecretFile(path: settings.auditKeyFile))
        let connection = try PostgresConnection(url: settings.postgresURL, role: "gw_cp")
        var verification = AuditVerification(connection, keys: keys, head: head)
        return try verification.run()
    }

    /// Replaces the admin token and writes it to its file; the old one stops working at once.
    package func resetAdminToken() async throws -> String? {
        let pool = PostgresPool(url: settings.postgresURL, role: "gw_cp", threads: 1)
        let digester = KeyDigester(peppers: try SecretFile(path: settings.pepperFile))
        let service = AdminService(
            stores: PostgresStores(pool, reports: pool, exports: []), digester: { digester },
            explainer: { _, _ in throw AdminError.stateUnavailable },
            propagation: { _ in nil })
        guard let token = try await service.makeAdminToken(replacing: true) else { return nil }
        try PrivateFile.write(token + "\n", to: settings.adminTokenFile)
        return token
    }
}
