internal import GatewayModel
internal import KeyMaterial
internal import Operations
internal import PlaneContract
internal import Redis

/// Rotates the passwords of users of the state Redis.
///
/// A user has both passwords while processes change over; open connections are not affected.
extension SecretRotation {
    /// The Redis user who may edit users, and nothing else.
    private static let rotator = "rotator"

    func rotatePassword(_ name: SecretName, of user: String, at path: String) async throws {
        let admin = Self.redis(try rotatorEndpoint())
        defer { admin.close() }
        let before = try SecretFile(path: path, allowsPlainPassword: true)
        guard try await digests(of: user, admin).contains(Self.digest(before.current)) else {
            throw RotationError.passwordMismatch(user: user, path: path)
        }
        // Written to the file before Redis learns it, so that no crash can lose a password that works.
        var file = try begin(name, at: path, allowsPlainPassword: true)
        let newest = file.newest
        try await set(user, ["#" + Self.digest(newest)], admin)
        report("\(name.rawValue): Redis accepts version \(newest.number), too")
        file = try use(file, name, at: path)
        try await wait(until: "use version \(newest.number) of the password") {
            $0.isControlPlane == (name == .redisCP) && $0.report?.uses(newest.name, of: name) != true
        }
        let known = try await digests(of: user, admin)
        let old = file.versions.dropLast().map(Self.digest).filter(known.contains)
        if !old.isEmpty { try await set(user, old.map { "!" + $0 }, admin) }
        report("\(name.rawValue): Redis accepts only this version")
        try drop(file, name, at: path)
    }

    private func rotatorEndpoint() throws -> RedisEndpoint {
        var endpoint = settings.stateRedis
        let file = try SecretFile(path: settings.rotatorRedisPasswordFile, allowsPlainPassword: true)
        endpoint.user = Self.rotator
        endpoint.livePassword = { file.current.password }
        return endpoint
    }

    /// The user's passwords as Redis stores them: SHA-256 digests in hex.
    private func digests(of user: String, _ admin: RedisClient) async throws -> [String] {
        let words = try await admin.call("ACL", "GETUSER", user).array ?? []
        guard let at = words.firstIndex(where: { $0.string == "passwords" }), at + 1 < words.count else { return [] }
        return words[at + 1].array?.compactMap(\.string) ?? []
    }

    /// Sends only digests to Redis, and has it save its ACL file so that they survive a restart.
    private func set(_ user: String, _ rules: [String], _ admin: RedisClient) async throws {
        _ = try await admin.call(RedisCommand(["ACL", "SETUSER", user] + rules))
        do {
            _ = try await admin.call("ACL", "SAVE")
        } catch {
            report("Redis could not save its ACL file, so it will lose this change when it restarts: \(error)")
        }
    }

    private static func digest(_ version: SecretFile.Version) -> String {
        Fingerprint.sha256(version.password.reveal())
    }
}
