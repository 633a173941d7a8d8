internal import GatewayModel
package import KeyMaterial
package import Logging
package import Operations
internal import PlaneContract
package import Reactor
package import Redis
package import RequestWalk
internal import TLS

/// All settings of a worker, read from the environment under `AIHUB_WORKER_`.
///
/// `docs/configuration.md` is the reference; a test compares the two.
package struct WorkerSettings: Sendable {
    package var host: String
    package var port: Int
    package var operationsHost: String
    package var operationsPort: Int
    package var threads: Int
    package var stateRedis: RedisEndpoint
    /// The state Redis's password when it comes from a file: it may change while the worker runs.
    package var stateRedisPassword: LiveSecret?
    /// `nil`: answers are not cached.
    package var cacheRedis: RedisEndpoint?
    package var cacheDeadlineMs: Int
    /// Lifetime of cached answers when neither the key nor the model or alias sets one, in seconds.
    package var cacheSeconds: Int64
    package var pepperFile: String
    package var sealKeyFile: String
    /// Folder of the last good snapshot and the journals.
    package var stateFolder: String
    package var limiterDeadlineMs: Int
    /// How long after its last heartbeat a worker keeps admitting `allowLocal` keys without Redis.
    package var cutOffMs: Int64
    package var heartbeatMs: Int
    /// How long a worker may be silent before its holds are reaped.
    package var silenceMs: Int
    /// How long an event loop may go without a turn before `/livez` fails and the worker exits.
    package var stallMs: Int
    package var drainSeconds: Int
    /// How long the listeners stay open after SIGTERM, so that load balancers notice the failing `/readyz` first.
    package var listenerGraceSeconds: Int
    package var connectMs: Int
    package var logLevel: Logger.Level
    /// Memory the process may use, in MiB; 0 for no limit.
    package var memoryMiB: Int
    package var trustedProxies: [AddressRange]
    /// Failed key look-ups one network may cause per minute; 0 for any number.
    package var failedKeysPerMinute: Int
    package var usesProxyProtocol: Bool
    /// Certificate chain and key, both PEM; TLS is served when they are set.
    package var tlsFiles: TLSFiles?
    /// Address of `port`: `host`, or loopback when other machines must use TLS.
    package var plainHost: String
    package var tlsPort: Int
    package var bounds: Bounds
    package var walk: WalkSettings

    package static let prefix = "AIHUB_WORKER_"

    package init(environment: [String: String], cores: Int) throws(SettingsError) {
        var read = SettingsReader(environment, prefix: Self.prefix)
        host = read.text("HOST", default: "127.0.0.1")
        port = read.integer("PORT", default: 8080, in: 0...65535)
        operationsHost = read.text("OPERATIONS_HOST", default: "127.0.0.1")
        if !read.allowsPlaintext("OPERATIONS_PLAINTEXT", on: operationsHost) {
            read.rejectPlaintextOperations(on: operationsHost)
        }
        operationsPort = read.integer("OPERATIONS_PORT", default: 9080, in: 0...65535)
        threads = read.integer("THREADS", default: cores, in: 1...256)
        let client = Self.redisTLS(&read)
        let fallback = RedisEndpoint(host: "127.0.0.1", port: 6379)
        stateRedis = read.value("REDIS_URL", default: fallback, RedisEndpoint.urlForm) {
            RedisEndpoint(url: $0, tls: client)
        }
        let passwordFile = read.optionalText("REDIS_PASSWORD_FILE")
        stateRedisPassword = read.livePassword(at: passwordFile)
        if let live = stateRedisPassword { stateRedis.livePassword = { live.file.current.password } }
        cacheRedis = read.value("CACHE_REDIS_URL", default: nil, RedisEndpoint.urlForm) {
            RedisEndpoint(url: $0, tls: client)
        }
        read.checkRedisTLS(client, isUsed: stateRedis.tls != nil || cacheRedis?.tls != nil)
        cacheDeadlineMs = read.integer("CACHE_DEADLINE_MS", default: 25, in: 1...1_000)
        cacheSeconds = Int64(read.integer("CACHE_SECONDS", default: 3_600, in: 0...86_400))
        if let cacheRedis, (cacheRedis.host, cacheRedis.port) == (stateRedis.host, stateRedis.port) {
            read.report(
                "\(Self.prefix)CACHE_REDIS_URL must not name the state Redis: a cache evicts, and budgets must not be evicted"
            )
        }
        pepperFile = read.requiredText("PEPPER_FILE")
        sealKeyFile = read.requiredText("SEAL_KEY_FILE")
        stateFolder = read.requiredText("STATE_FOLDER")
        limiterDeadlineMs = read.integer("LIMITER_DEADLINE_MS", default: 50, in: 10...10_000)
        cutOffMs = Int64(read.integer("CUT_OFF_MS", default: PlaneTiming.cutOffMax, in: 100...PlaneTiming.cutOffMax))
        heartbeatMs = read.integer("HEARTBEAT_MS", default: PlaneTiming.heartbeatMsDefault, in: 100...60_000)
        silenceMs = read.integer("SILENCE_MS", default: 30_000, in: 500...600_000)
        stallMs = read.integer("STALL_MS", default: 5_000, in: 500...600_000)
        drainSeconds = read.integer("DRAIN_SECONDS", default: 120, in: 0...3_600)
        listenerGraceSeconds = read.integer("LISTENER_GRACE_SECONDS", default: 5, in: 0...600)
        connectMs = read.integer("CONNECT_MS", default: 2_000, in: 50...60_000)
        logLevel = read.value(
            "LOG_LEVEL", default: .info, "one of trace, debug, info, notice, warning, error",
            Logger.Level.init(rawValue:))
        memoryMiB = read.integer("MEMORY_MIB", default: Self.memoryMiBDefault(), in: 0...Self.memoryMiBMax)
        trustedProxies = read.value(
            "TRUSTED_PROXIES", default: [], "networks such as 10.0.0.0/8, separated by commas", Self.networks)
        failedKeysPerMinute = read.integer("FAILED_KEYS_PER_MINUTE", default: 60, in: 0...60_000)
        usesProxyProtocol = read.value("PROXY_PROTOCOL", default: false, "on or off", { Self.switches[$0] })
        let certificate = read.optionalText("TLS_CERTIFICATE_FILE")
        let key = read.optionalText("TLS_KEY_FILE")
        tlsFiles = read.tlsFiles(certificate, key)
        plainHost = host
        if !read.allowsPlaintext("PLAINTEXT", on: host) {
            // With TLS, the plain port stays open on loopback.
            plainHost = "127.0.0.1"
            if tlsFiles == nil { read.rejectPlaintext(on: host) }
        }
        tlsPort = read.integer("TLS_PORT", default: 8443, in: 0...65535)
        bounds = Self.bounds(&read, memoryMiB: memoryMiB)
        walk = Self.walk(&read)
        if usesProxyProtocol, trustedProxies.isEmpty {
            read.report(
                "\(Self.prefix)PROXY_PROTOCOL needs \(Self.prefix)TRUSTED_PROXIES: otherwise any client could claim any address"
            )
        }
        if silenceMs < heartbeatMs * 3 {
            read.report("\(Self.prefix)SILENCE_MS must be at least three heartbeats (\(heartbeatMs * 3))")
        }
        try read.finish()
    }

    private static func redisTLS(_ read: inout SettingsReader) -> TLSClient {
        TLSClient(
            TLSClientFiles(
                authorities: read.optionalText("REDIS_CA_FILE"),
                certificate: read.optionalText("REDIS_CERTIFICATE_FILE"),
                key: read.optionalText("REDIS_KEY_FILE")))
    }

    private static func walk(_ read: inout SettingsReader) -> WalkSettings {
        var walk = WalkSettings()
        walk.pingMs = Int64(read.integer("PING_MS", default: 15_000, in: 100...60_000))
        walk.moneyWaitMs = Int64(read.integer("BUDGET_WAIT_MS", default: 10_000, in: 0...60_000))
        walk.restMs = Int64(read.integer("REST_MS", default: 5_000, in: 0...60_000))
        return walk
    }

    private static let switches = ["on": true, "off": false]

    private static func networks(_ text: String) -> [AddressRange]? {
        let parts = text.split(separator: ",").map { AddressRange(String($0)) }
        return parts.contains { $0 == nil } ? nil : parts.compactMap { $0 }
    }

    private static let memoryMiBMax = 1_048_576

    /// Half of the memory the system grants the process; the rest is for other processes and the kernel's socket
    /// buffers. 0, and so no limit, when the system does not say.
    private static func memoryMiBDefault() -> Int { min(memoryMiBMax, (MemoryLimit().bytes ?? 0) / (2 << 20)) }

    private static func bounds(_ read: inout SettingsReader, memoryMiB: Int) -> Bounds {
        var bounds = Bounds()
        bounds.totalMs = Int64(read.integer("TOTAL_MS", default: Int(bounds.totalMs), in: 1_000...3_600_000))
        bounds.headMs = Int64(read.integer("HEAD_DEADLINE_MS", default: Int(bounds.headMs), in: 100...600_000))
        bounds.bodyMs = Int64(read.integer("BODY_DEADLINE_MS", default: Int(bounds.bodyMs), in: 100...600_000))
        bounds.bodyTotalMs = Int64(
            read.integer("BODY_TOTAL_MS", default: Int(bounds.bodyTotalMs), in: 100...3_600_000))
        setBodies(&bounds, &read, memoryMiB)
        bounds.idleMs = Int64(read.integer("IDLE_MS", default: Int(bounds.idleMs), in: 100...3_600_000))
        bounds.writeStallMs = Int64(
            read.integer("WRITE_STALL_MS", default: Int(bounds.writeStallMs), in: 100...600_000))
        bounds.handshakeMs = Int64(
            read.integer("TLS_HANDSHAKE_MS", default: Int(bounds.handshakeMs), in: 100...60_000))
        bounds.connectionsMax = read.integer("CONNECTIONS", default: bounds.connectionsMax, in: 1...1_000_000)
        bounds.connectionsPerAddressMax = read.integer(
            "CONNECTIONS_PER_ADDRESS", default: bounds.connectionsPerAddressMax, in: 1...1_000_000)
        return bounds
    }

    private static func setBodies(_ bounds: inout Bounds, _ read: inout SettingsReader, _ memoryMiB: Int) {
        // Every budget must have room for one body of maximum size.
        let sums = (bounds.bodyBytesMax >> 20)...memoryMiBMax
        let all = memoryMiB > 0 ? min(bounds.bodiesBytesMax >> 20, memoryMiB / 4) : bounds.bodiesBytesMax >> 20
        bounds.bodiesBytesPerKeyMax =
            read.integer("BODIES_PER_KEY_MIB", default: bounds.bodiesBytesPerKeyMax >> 20, in: sums) << 20
        bounds.bodiesBytesPerAddressMax =
            read.integer("BODIES_PER_ADDRESS_MIB", default: bounds.bodiesBytesPerAddressMax >> 20, in: sums) << 20
        bounds.bodiesBytesMax = read.integer("BODIES_MIB", default: max(all, sums.lowerBound), in: sums) << 20
    }
}
