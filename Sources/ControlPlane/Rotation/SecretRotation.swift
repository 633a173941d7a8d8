internal import FoundationEssentials
internal import KeyMaterial
internal import NIOCore
internal import NIOPosix
internal import Operations
package import PlaneContract
internal import Postgres
package import Redis

/// Replaces a secret while the gateway runs: adds the new version to the file, makes it current, drops the old one.
///
/// Between steps it waits until every live process has reported in Redis that the next step is safe. The progress is in
/// the file itself, so a rotation that was killed continues from there when it is run again.
package struct SecretRotation: Sendable {
    package enum RotationError: Error, CustomStringConvertible {
        case alreadyRunning
        case noPasswordFile(setting: String)
        case timedOut(seconds: Int)
        case unreadableCredentials(ids: [String])
        case passwordMismatch(user: String, path: String)
        case noOldPepper
        case oldPepperInUse(count: Int64)

        package var description: String {
            switch self {
            case .noPasswordFile(let setting):
                "\(setting) is not set: a password in the URL cannot be rotated"
            case .alreadyRunning: "another rotation is running"
            case .timedOut(let seconds):
                "timed out after \(seconds) s. Nothing is lost: run it again to continue from here"
            case .unreadableCredentials(let ids):
                "no version of the KEK decrypts these credentials: \(ids.joined(separator: ", ")). Load them again first"
            case .passwordMismatch(let user, let path):
                "Redis does not accept the current password in \(path) for \(user): make them match, then run this again"
            case .noOldPepper: "the file has no pepper older than the one in use"
            case .oldPepperInUse(let count):
                "\(count) keys would stop working: replace them first, or pass --keys-stop-working"
            }
        }
    }

    /// Held shared by programs that seal credentials at rest; a rotation takes it exclusively to drop a KEK.
    package static let sealingLock = AdvisoryLock.sealing
    private static let rotationLock = "7283910458"
    private static let pollInterval = Duration.milliseconds(200)

    let settings: RotationSettings
    private let waitSeconds: Int
    let report: @Sendable (String) -> Void
    let fleet: SecretFleet

    /// - Parameters:
    ///   - waitSeconds: the longest that each step waits for other processes.
    ///   - report: receives a line about each finished step; never a secret.
    package init(settings: RotationSettings, waitSeconds: Int, report: @escaping @Sendable (String) -> Void) {
        self.init(
            settings: settings, waitSeconds: waitSeconds, redis: Self.redis(settings.stateRedis), report: report)
    }

    /// - Parameter redis: where processes report their secrets.
    package init(
        settings: RotationSettings, waitSeconds: Int, redis: any RedisCalling,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.waitSeconds = waitSeconds
        self.report = report
        fleet = SecretFleet(redis: redis)
    }

    /// Rotates one secret, or continues the rotation its file is in.
    ///
    /// - Throws: `RotationError`, or the error of the file, Redis or PostgreSQL; it can be run again after any.
    package func rotate(_ name: SecretName) async throws {
        let connection = try lockedConnection()
        switch name {
        case .kek: try await rotateKEK(connection)
        case .pepper: try await rotatePepper(connection)
        case .sealKey: try await rotateSealKey()
        case .redisDP: try await rotatePassword(name, of: "dp", at: settings.workersRedisPasswordFile)
        case .redisCP:
            guard let path = settings.stateRedisPasswordFile else {
                throw RotationError.noPasswordFile(setting: settings.stateRedisPasswordSetting)
            }
            try await rotatePassword(name, of: "cp", at: path)
        }
    }

    /// A connection that holds the rotation lock until it closes.
    ///
    /// - Throws: `RotationError.alreadyRunning` when another rotation holds it.
    func lockedConnection() throws -> PostgresConnection {
        let connection = try PostgresConnection(url: settings.postgresURL, role: "gw_cp")
        let isFree = try connection.query("select pg_try_advisory_lock(\(Self.rotationLock)) as free")[0].bool("free")
        guard isFree else { throw RotationError.alreadyRunning }
        return connection
    }

    /// One line per secret, per pepper that has keys, and per live process.
    package func status() async throws -> [String] {
        var lines: [String] = []
        for name in SecretName.allCases {
            guard let path = path(of: name), let file = try? SecretFile(path: path, allowsPlainPassword: true) else {
                continue
            }
            let others = file.versions.dropLast().map { "\($0.number)" }.joined(separator: ", ")
            lines.append(
                "\(name.rawValue): version \(file.current.number) in use"
                    + (others.isEmpty ? "" : ", also held: \(others)"))
        }
        let connection = try PostgresConnection(url: settings.postgresURL, role: "gw_cp")
        for (pepper, count) in try keys(under: connection) {
            lines.append("pepper \(pepper.prefix { $0 != "." }): \(count) keys")
        }
        for process in try await fleet.processes() { lines.append(Self.line(process)) }
        return lines
    }

    private func path(of name: SecretName) -> String? {
        switch name {
        case .kek: settings.kekFile
        case .sealKey: settings.sealKeyFile
        case .pepper: settings.pepperFile
        case .redisDP: settings.workersRedisPasswordFile
        case .redisCP: settings.stateRedisPasswordFile
        }
    }

    private static func line(_ process: SecretFleet.Process) -> String {
        guard let report = process.report else { return "\(process.name): sends no report about its secrets" }
        // Only version numbers: fingerprints mean nothing to a reader.
        let held = report.held.sorted { $0.key < $1.key }.map { name, versions in
            name + " " + versions.map { $0.prefix { $0 != "." } }.joined(separator: ",")
        }
        return "\(process.name): \(held.joined(separator: "; "))"
    }

    // MARK: Steps

    static func redis(_ endpoint: RedisEndpoint) -> RedisClient {
        RedisClient(endpoint, on: MultiThreadedEventLoopGroup.singleton.next(), deadline: .seconds(5))
    }

    /// The file, with a new version added unless a rotation is already in progress.
    func begin(_ name: SecretName, at path: String, allowsPlainPassword: Bool = false) throws -> SecretFile {
        let file = try SecretFile(path: path, allowsPlainPassword: allowsPlainPassword)
        guard file.stage == .atRest else { return file }
        let added = file.adding()
        try write(added, to: path)
        report("\(name.rawValue): version \(added.newest.number) added, \(file.current.number) still in use")
        return added
    }

    /// Makes the newest version the current one.
    func use(_ file: SecretFile, _ name: SecretName, at path: String) throws -> SecretFile {
        guard file.stage == .added else { return file }
        let used = file.usingNewest()
        try write(used, to: path)
        report("\(name.rawValue): version \(used.current.number) in use")
        return used
    }

    /// Removes every version but the current one.
    func drop(_ file: SecretFile, _ name: SecretName, at path: String) throws {
        try write(file.keepingCurrent(), to: path)
        let dropped = file.versions.dropLast().map { "\($0.number)" }.joined(separator: ", ")
        report("\(name.rawValue): version \(dropped) dropped")
    }

    func write(_ file: SecretFile, to path: String) throws {
        try PrivateFile.write(file.text, to: path, keepsOwner: true)
    }

    /// Waits until no live process `lags`, and names those it waits for.
    func wait(until what: String, _ lags: (SecretFleet.Process) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(waitSeconds)
        var reported: [String] = []
        repeat {
            let lagging = (try? await fleet.processes().filter(lags).map(\.name)) ?? ["the state Redis"]
            if lagging.isEmpty { return }
            if lagging != reported { report("waiting until \(lagging.joined(separator: ", ")) \(what)") }
            reported = lagging
            try await Task.sleep(for: Self.pollInterval)
        } while ContinuousClock.now < deadline
        throw RotationError.timedOut(seconds: waitSeconds)
    }
}
