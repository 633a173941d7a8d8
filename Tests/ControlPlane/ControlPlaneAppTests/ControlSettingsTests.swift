import ControlPlaneApp
import Operations
import Rotation
import Testing

@Suite struct ControlSettingsTests {
    /// The settings without a default.
    private static let required = [
        "AIHUB_CONTROL_POSTGRES_URL": "postgres://localhost/hub", "AIHUB_CONTROL_PEPPER_FILE": "/s/pepper",
        "AIHUB_CONTROL_SEAL_KEY_FILE": "/s/seal-key", "AIHUB_CONTROL_KEK_FILE": "/k/kek",
        "AIHUB_CONTROL_ADMIN_TOKEN_FILE": "/s/admin-token",
    ]

    private func settings(_ more: [String: String] = [:]) throws -> ControlSettings {
        let environment = Self.required.merging(more) { $1 }
        return try ControlSettings(environment: environment)
    }

    /// The names of the settings that are refused.
    private func refused(_ more: [String: String], without: String? = nil) -> String {
        var environment = Self.required.merging(more) { $1 }
        if let without { environment[without] = nil }
        do throws(SettingsError) {
            _ = try ControlSettings(environment: environment)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("is complete with the required settings alone")
    func defaults() throws {
        let settings = try settings()
        #expect(settings.host == "127.0.0.1" && settings.port == 8090 && settings.tlsFiles == nil)
        #expect(settings.operationsPort == 9090 && settings.usageKeptSeconds == 900)
    }

    @Test("each required setting is named when it is missing", arguments: required.keys.sorted())
    func missing(name: String) { #expect(refused([:], without: name).contains(name)) }

    @Test("all errors are named at once, unknown settings included")
    func together() {
        let text = refused([
            "AIHUB_CONTROL_PORT": "70000", "AIHUB_CONTROL_LOG_LEVEL": "loud", "AIHUB_CONTROL_PROT": "1",
        ])
        for name in ["AIHUB_CONTROL_PORT", "AIHUB_CONTROL_LOG_LEVEL", "AIHUB_CONTROL_PROT"] {
            #expect(text.contains(name))
        }
    }

    @Test("usage stays in Redis at least as long as a new Redis process is read again")
    func usageKept() throws {
        #expect(try settings(["AIHUB_CONTROL_USAGE_KEPT_SECONDS": "600"]).usageKeptSeconds == 600)
        #expect(refused(["AIHUB_CONTROL_USAGE_KEPT_SECONDS": "599"]).contains("USAGE_KEPT_SECONDS"))
    }

    @Test("the admin port is not opened to other machines in plain text unless told so")
    func plaintext() throws {
        #expect(refused(["AIHUB_CONTROL_HOST": "0.0.0.0"]).contains("TLS_CERTIFICATE_FILE"))
        #expect(
            try settings(["AIHUB_CONTROL_HOST": "0.0.0.0", "AIHUB_CONTROL_PLAINTEXT": "behind-proxy"]).host == "0.0.0.0"
        )
    }

    @Test("the other secret files lie beside the KEK unless named")
    func beside() throws {
        let settings = try settings()
        #expect(settings.auditKeyFile == "/k/audit-key")
        #expect(settings.workersRedisPasswordFile == "/k/redis-dp")
        #expect(settings.rotatorRedisPasswordFile == "/k/redis-rotator")
        #expect(try self.settings(["AIHUB_CONTROL_KEK_FILE": "kek"]).auditKeyFile == "audit-key")
    }

    @Test("a rotation gets the files under their own names")
    func rotation() throws {
        let rotation = try settings().rotation
        #expect(rotation.kekFile == "/k/kek" && rotation.pepperFile == "/s/pepper")
        #expect(rotation.sealKeyFile == "/s/seal-key" && rotation.workersRedisPasswordFile == "/k/redis-dp")
        #expect(rotation.rotatorRedisPasswordFile == "/k/redis-rotator" && rotation.stateRedisPasswordFile == nil)
        #expect(rotation.postgresURL == "postgres://localhost/hub")
        #expect(rotation.stateRedisPasswordSetting == "AIHUB_CONTROL_REDIS_PASSWORD_FILE")
    }
}
