package import Redis

/// Where a rotation finds the secret files and the servers that use them.
package struct RotationSettings: Sendable {
    package var kekFile: String
    package var sealKeyFile: String
    package var pepperFile: String
    package var workersRedisPasswordFile: String
    /// `nil` when the password is in the URL, which cannot be rotated.
    package var stateRedisPasswordFile: String?
    /// The password of the Redis user who may edit users.
    package var rotatorRedisPasswordFile: String
    package var stateRedis: RedisEndpoint
    package var postgresURL: String
    /// The setting that names `stateRedisPasswordFile`, for the error when it is missing.
    package var stateRedisPasswordSetting: String

    /// - Parameter stateRedis: connects as the user of control planes.
    package init(
        kekFile: String, sealKeyFile: String, pepperFile: String, workersRedisPasswordFile: String,
        stateRedisPasswordFile: String?, rotatorRedisPasswordFile: String, stateRedis: RedisEndpoint,
        postgresURL: String, stateRedisPasswordSetting: String
    ) {
        self.kekFile = kekFile
        self.sealKeyFile = sealKeyFile
        self.pepperFile = pepperFile
        self.workersRedisPasswordFile = workersRedisPasswordFile
        self.stateRedisPasswordFile = stateRedisPasswordFile
        self.rotatorRedisPasswordFile = rotatorRedisPasswordFile
        self.stateRedis = stateRedis
        self.postgresURL = postgresURL
        self.stateRedisPasswordSetting = stateRedisPasswordSetting
    }
}
