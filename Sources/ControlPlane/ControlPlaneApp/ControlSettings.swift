package import KeyMaterial
internal import Ledger
package import Logging
package import Operations
package import Redis
package import Rotation
internal import TLS

/// All settings of the control plane, read from environment variables that begin with `AIHUB_CONTROL_`.
///
/// `docs/configuration.md` is the reference; a test compares the two.
package struct ControlSettings: Sendable {
    package var host: String
    package var port: Int
    package var tlsFiles: TLSFiles?
    /// Maximum number of concurrent connections to the admin port.
    package var connections: Int
    package var failedTokensPerMinute: Int
    package var operationsHost: String
    package var operationsPort: Int
    package var postgresURL: String
    package var postgresConnections: Int
    package var stateRedis: RedisEndpoint
    /// The state Redis's password when it comes from a file, which may change while the control plane runs.
    package var stateRedisPassword: LiveSecret?
    package var stateRedisPasswordFile: String?
    /// Read only by `secrets rotate`: the workers' Redis password, and that of the Redis user who may edit users.
    package var workersRedisPasswordFile: String
    package var rotatorRedisPasswordFile: String
    /// How long usage stays in Redis after the ledger has recorded it.
    package var usageKeptSeconds: Int
    package var pepperFile: String
    package var sealKeyFile: String
    package var kekFile: String
    /// The keys that seal the audit log.
    package var auditKeyFile: String
    package var sqlFolder: String
    package var adminTokenFile: String
    package var logLevel: Logger.Level

    package static let prefix = "AIHUB_CONTROL_"

    /// - Throws: all errors of the environment together, with unknown keys that begin with the prefix.
    package init(environment: [String: String]) throws(SettingsError) {
        var read = SettingsReader(environment, prefix: Self.prefix)
        host = read.text("HOST", default: "127.0.0.1")
        port = read.integer("PORT", default: 8090, in: 0...65535)
        let certificate = read.optionalText("TLS_CERTIFICATE_FILE")
        let key = read.optionalText("TLS_KEY_FILE")
        tlsFiles = read.tlsFiles(certificate, key)
        if !read.allowsPlaintext("PLAINTEXT", on: host), tlsFiles == nil { read.rejectPlaintext(on: host) }
        connections = read.integer("CONNECTIONS", default: 256, in: 1...65_536)
        failedTokensPerMinute = read.integer("FAILED_TOKENS_PER_MINUTE", default: 20, in: 0...60_000)
        operationsHost = read.text("OPERATIONS_HOST", default: "127.0.0.1")
        if !read.allowsPlaintext("OPERATIONS_PLAINTEXT", on: operationsHost) {
            read.rejectPlaintextOperations(on: operationsHost)
        }
        operationsPort = read.integer("OPERATIONS_PORT", default: 9090, in: 0...65535)
        postgresURL = read.requiredText("POSTGRES_URL")
        postgresConnections = read.integer("POSTGRES_CONNECTIONS", default: 4, in: 1...64)
        let client = TLSClient(
            TLSClientFiles(
                authorities: read.optionalText("REDIS_CA_FILE"),
                certificate: read.optionalText("REDIS_CERTIFICATE_FILE"),
                key: read.optionalText("REDIS_KEY_FILE")))
        let fallback = RedisEndpoint(host: "127.0.0.1", port: 6379)
        stateRedis = read.value("REDIS_URL", default: fallback, RedisEndpoint.urlForm) {
            RedisEndpoint(url: $0, tls: client)
        }
        read.checkRedisTLS(client, isUsed: stateRedis.tls != nil)
        stateRedisPasswordFile = read.optionalText("REDIS_PASSWORD_FILE")
        stateRedisPassword = read.livePassword(at: stateRedisPasswordFile)
        if let live = stateRedisPassword { stateRedis.livePassword = { live.file.current.password } }
        usageKeptSeconds = read.integer(
            "USAGE_KEPT_SECONDS", default: 900, in: UsageStreams.keptSecondsMin...604_800)
        pepperFile = read.requiredText("PEPPER_FILE")
        sealKeyFile = read.requiredText("SEAL_KEY_FILE")
        kekFile = read.requiredText("KEK_FILE")
        auditKeyFile = read.text("AUDIT_KEY_FILE", default: Self.beside(kekFile, "audit-key"))
        workersRedisPasswordFile = read.text(
            "REDIS_WORKERS_PASSWORD_FILE", default: Self.beside(kekFile, "redis-dp"))
        rotatorRedisPasswordFile = read.text(
            "REDIS_ROTATOR_PASSWORD_FILE", default: Self.beside(kekFile, "redis-rotator"))
        sqlFolder = read.text("SQL_FOLDER", default: "sql/migrations")
        adminTokenFile = read.requiredText("ADMIN_TOKEN_FILE")
        logLevel = read.value(
            "LOG_LEVEL", default: .info, "one of trace, debug, info, notice, warning, error",
            Logger.Level.init(rawValue:))
        try read.finish()
    }

    /// What `aihub-control secrets` needs.
    package var rotation: RotationSettings {
        RotationSettings(
            kekFile: kekFile, sealKeyFile: sealKeyFile, pepperFile: pepperFile,
            workersRedisPasswordFile: workersRedisPasswordFile, stateRedisPasswordFile: stateRedisPasswordFile,
            rotatorRedisPasswordFile: rotatorRedisPasswordFile, stateRedis: stateRedis, postgresURL: postgresURL,
            stateRedisPasswordSetting: Self.prefix + "REDIS_PASSWORD_FILE")
    }

    private static func beside(_ kek: String, _ name: String) -> String {
        (kek.lastIndex(of: "/").map { String(kek[...$0]) } ?? "") + name
    }
}
