// swift-tools-version:6.2
import PackageDescription

/// What every target of ours is compiled with: imports stay inside the file that wrote them, members come only from
/// modules the file names, an existential says `any`, and a warning is an error.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
    // The compiler still proves exclusive access where it can; asking again at run time, at every touch of a class, is left out.
    .unsafeFlags(["-enforce-exclusivity=unchecked"]),
]

/// Swift's runtime becomes part of the worker: a request calls it some hundred times, to count references above all, and a call
/// into another library costs more each time. Foundation names its own parts only to a linker that links all of it so.
let staticRuntime: [LinkerSetting] = [
    .unsafeFlags([
        "-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections",
        "-lFoundationInternationalization",
    ])
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

func shared(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Shared/\(name)", resources: resources,
        swiftSettings: strict)
}

func dataPlane(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/DataPlane/\(name)", swiftSettings: strict)
}

func controlPlane(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/ControlPlane/\(name)", resources: resources,
        swiftSettings: strict)
}

/// - Parameter isProgram: the tests run it, as a process, and do not link it.
func tests(
    _ plane: String, _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
    isProgram: Bool = false
) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: (isProgram ? [] : [.byName(name: name)]) + dependencies,
        path: "Tests/\(plane)/\(name)Tests",
        exclude: exclude, swiftSettings: strict)
}

let package = Package(
    name: "aihub",
    products: [
        .executable(name: "aihub-worker", targets: ["Worker"]),
        .executable(name: "aihub-control", targets: ["Control"]),
        .executable(name: "scripted-provider", targets: ["ScriptedProvider"]),
    ],
    // Exact, because Package.resolved is not kept: a commit is built with the packages it was tested with.
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // Shared: what both planes stand on.
        .systemLibrary(name: "CHiredis", path: "Sources/Shared/CHiredis"),
        shared("GatewayModel"),
        shared("PlaneContract", ["GatewayModel"]),
        shared("JSONScan"),
        shared("Routing", ["GatewayModel", "PlaneContract"]),
        shared("KeyMaterial", ["GatewayModel", crypto]),
        .systemLibrary(name: "CSSL", path: "Sources/Shared/CSSL"),
        shared("TLS", ["CSSL"]),
        shared("Redis", ["CHiredis", "GatewayModel", "TLS", nioCore, nioPosix]),
        shared(
            "LimitScripts",
            resources: [
                .embedInCode("Lua/common.lua"), .embedInCode("Lua/scope.lua"), .embedInCode("Lua/sliding_window.lua"),
                .embedInCode("Lua/saved.lua"), .embedInCode("Lua/pool.lua"),
                .embedInCode("Lua/admit.lua"), .embedInCode("Lua/settle.lua"), .embedInCode("Lua/progress.lua"),
                .embedInCode("Lua/recover.lua"), .embedInCode("Lua/sweep.lua"), .embedInCode("Lua/control_plane.lua"),
                .embedInCode("Lua/peek.lua"),
            ]),
        shared("Operations", ["KeyMaterial", "PlaneContract", "Redis", "TLS", nioCore, nioPosix, nioHTTP1, logging]),

        // Data plane: the way of a request, pure targets first.
        dataPlane("HTTPCodec", ["GatewayModel"]),
        dataPlane("EventStream", []),
        dataPlane("InboundFormats", ["GatewayModel", "JSONScan"]),
        dataPlane("ProviderResponses", ["GatewayModel", "JSONScan"]),
        dataPlane("Translation", ["GatewayModel", "PlaneContract", "JSONScan", "ProviderResponses"]),
        dataPlane("Admission", ["GatewayModel", "PlaneContract", "LimitScripts"]),
        dataPlane("ResponseCache", ["GatewayModel", "JSONScan", "EventStream", crypto]),
        dataPlane(
            "RequestWalk",
            [
                "GatewayModel", "PlaneContract", "KeyMaterial", "JSONScan", "EventStream", "ProviderResponses",
                "Translation", "Routing", "Admission", "InboundFormats", "ResponseCache",
            ]),
        dataPlane("Journal", ["GatewayModel", "PlaneContract", "Admission", logging]),
        .systemLibrary(name: "CLinux", path: "Sources/DataPlane/CLinux"),
        dataPlane("Reactor", ["CLinux", "TLS"]),
        .systemLibrary(name: "CCurl", path: "Sources/DataPlane/CCurl"),
        dataPlane("CurlTransport", ["CCurl", "GatewayModel", "Reactor"]),
        dataPlane("TLSFront", ["TLS", nioCore, nioPosix, nioSSL, nioTLS]),
        dataPlane(
            "DataPlaneHTTP",
            [
                "GatewayModel", "Admission", "HTTPCodec", "Reactor", "RequestWalk", "ResponseCache",
                "Routing",
            ]),
        dataPlane("ReactorRedis", ["GatewayModel", "TLS", "Redis", "Reactor"]),
        dataPlane("LoopWatch", ["Operations", "Reactor", logging]),
        dataPlane(
            "LimiterClient",
            [
                "GatewayModel", "PlaneContract", "Redis", "Operations", "Admission", "RequestWalk", "Reactor",
                "ReactorRedis", "LoopWatch", logging,
            ]),
        dataPlane(
            "KeyDirectory",
            [
                "GatewayModel", "PlaneContract", "Redis", "Operations", "Admission", "RequestWalk", "Reactor",
                "LimiterClient",
            ]),
        dataPlane(
            "CacheClient",
            [
                "GatewayModel", "Redis", "Operations", "Admission", "ResponseCache", "RequestWalk", "Reactor",
                "ReactorRedis", logging,
            ]),
        dataPlane(
            "Settlement",
            [
                "GatewayModel", "PlaneContract", "Redis", "Operations", "Admission", "RequestWalk", "Journal",
                "Reactor", "LimiterClient", logging,
            ]),
        dataPlane(
            "ProviderCalls",
            [
                "GatewayModel", "PlaneContract", "Translation", "Routing", "RequestWalk", "Reactor", "CurlTransport",
                "DataPlaneHTTP",
            ]),
        dataPlane(
            "ConfigurationFollower",
            [
                "PlaneContract", "Routing", "KeyMaterial", "Redis", "Operations", nioCore, logging,
            ]),
        dataPlane(
            "Reaping",
            [
                "GatewayModel", "PlaneContract", "Redis", "LimitScripts", "Operations", "Admission", "Reactor",
                "LoopWatch", logging,
            ]),
        dataPlane("HealthSharing", ["PlaneContract", "Routing", "Redis", "Reactor"]),
        dataPlane("ProcessLimits", ["Operations", "Reactor", "DataPlaneHTTP", logging]),
        dataPlane(
            "WorkerConfiguration",
            [
                "GatewayModel", "PlaneContract", "KeyMaterial", "TLS", "Redis", "Operations", "ResponseCache",
                "RequestWalk", "Reactor", nioCore, logging,
            ]),
        dataPlane(
            "EventLoops",
            [
                "GatewayModel", "PlaneContract", "Routing", "KeyMaterial", "Operations", "Admission", "ResponseCache",
                "RequestWalk",
                "Journal", "Reactor", "TLSFront", "DataPlaneHTTP", "LoopWatch", "LimiterClient", "KeyDirectory",
                "CacheClient", "Settlement", "ProviderCalls", "ProcessLimits", "WorkerConfiguration", nioCore, logging,
            ]),
        dataPlane(
            "DataPlaneApp",
            [
                "PlaneContract", "Routing", "KeyMaterial", "Redis", "Operations", "RequestWalk", "Journal", "TLSFront",
                "DataPlaneHTTP",
                "LoopWatch", "Settlement", "ConfigurationFollower", "Reaping", "HealthSharing", "ProcessLimits",
                "WorkerConfiguration", "EventLoops", nioCore, nioPosix, logging, unixSignals, serviceLifecycle,
            ]),
        .executableTarget(
            name: "Worker",
            dependencies: ["WorkerConfiguration", "DataPlaneApp", "Journal", "Operations", argumentParser],
            path: "Sources/DataPlane/Worker", swiftSettings: strict,
            linkerSettings: staticRuntime),

        // Control plane.
        .systemLibrary(name: "CPQ", path: "Sources/ControlPlane/CPQ"),
        controlPlane("Postgres", ["CPQ"]),
        controlPlane("AdminCore", ["GatewayModel", "PlaneContract", "KeyMaterial", "Routing"]),
        controlPlane("AdminStore", ["GatewayModel", "PlaneContract", "KeyMaterial", "Postgres", "AdminCore"]),
        controlPlane(
            "Ledger", ["GatewayModel", "LimitScripts", "PlaneContract", "Redis", "Operations", "Postgres", logging]),
        controlPlane(
            "AdminHTTP",
            [
                "GatewayModel", "JSONScan", "PlaneContract", "KeyMaterial", "Routing", "Operations", "AdminCore",
                hummingbird, hummingbirdCore, hummingbirdTLS, httpTypes, logging, nioCore, nioHTTPTypes, nioSSL,
            ],
            resources: [.embedInCode("openapi.yaml")]),
        controlPlane("StateRedisAccess", ["LimitScripts", "Redis"]),
        controlPlane(
            "Publication",
            [
                "GatewayModel", "KeyMaterial", "LimitScripts", "Operations", "PlaneContract", "Redis", "Postgres",
                "AdminCore", "AdminStore", "StateRedisAccess", logging,
            ]),
        controlPlane(
            "SharedBudgets",
            [
                "GatewayModel", "LimitScripts", "Operations", "PlaneContract", "Redis", "Postgres", "StateRedisAccess",
                logging,
            ]),
        controlPlane(
            "RedisSupervision",
            [
                "LimitScripts", "Operations", "PlaneContract", "Redis", "Postgres", "Ledger", "Publication",
                "SharedBudgets", "StateRedisAccess", logging,
            ]),
        controlPlane("AuditLog", ["KeyMaterial", "Operations", "Postgres", logging]),
        controlPlane(
            "Rotation",
            ["GatewayModel", "KeyMaterial", "Operations", "PlaneContract", "Redis", "Postgres", nioCore, nioPosix]),
        controlPlane("RouteExplanations", ["GatewayModel", "PlaneContract", "Redis", "Routing", "AdminCore"]),
        controlPlane(
            "ControlPlaneApp",
            [
                "PlaneContract", "KeyMaterial", "Redis", "Operations", "Postgres", "TLS", "AdminCore", "AdminStore",
                "AdminHTTP", "AuditLog", "Ledger", "Publication", "Rotation", "RouteExplanations", "SharedBudgets",
                "StateRedisAccess", "RedisSupervision", nioCore, nioPosix, logging, serviceLifecycle, unixSignals,
                yams,
            ]),
        .executableTarget(
            name: "Control",
            dependencies: ["AuditLog", "ControlPlaneApp", "Operations", "PlaneContract", "Rotation", argumentParser],
            path: "Sources/ControlPlane/Control",
            // A main program has nothing to offer to other targets; its tests look at what a command line is parsed into.
            swiftSettings: strict + [.unsafeFlags(["-enable-testing"])]),

        // Test support.
        .executableTarget(
            name: "ScriptedProvider", dependencies: [nioCore, nioPosix, nioHTTP1],
            path: "Tests/Support/ScriptedProvider"),
        .target(
            name: "RedisModel", dependencies: ["GatewayModel", "LimitScripts", "PlaneContract", "Redis"],
            path: "Tests/Support/RedisModel", swiftSettings: strict),
        .target(
            name: "TestPeers", dependencies: ["Reactor", "Redis", logging], path: "Tests/Support/TestPeers",
            swiftSettings: strict),
        tests("Shared", "GatewayModel", []),
        tests("Shared", "PlaneContract", ["GatewayModel"]),
        tests("Shared", "Routing", ["GatewayModel", "PlaneContract"]),
        tests("Shared", "KeyMaterial", ["GatewayModel"]),
        tests("Shared", "TLS", ["Reactor", "TestPeers", nioCore, nioEmbedded, nioSSL]),
        tests("Shared", "Redis", ["GatewayModel"]),
        tests("Shared", "LimitScripts", ["PlaneContract"]),
        tests("Shared", "Operations", []),
        tests("Shared", "JSONScan", []),
        tests("DataPlane", "HTTPCodec", []),
        tests("DataPlane", "EventStream", []),
        tests("DataPlane", "Reactor", []),
        tests("DataPlane", "ProviderResponses", ["GatewayModel", "JSONScan"]),
        tests(
            "DataPlane", "Translation",
            ["EventStream", "GatewayModel", "JSONScan", "PlaneContract", "ProviderResponses"],
            exclude: ["Vectors"]),
        tests("DataPlane", "InboundFormats", ["GatewayModel", "JSONScan"]),
        tests("DataPlane", "Admission", ["GatewayModel", "PlaneContract"]),
        tests("DataPlane", "Journal", ["Admission", "GatewayModel", "PlaneContract", logging]),
        tests("DataPlane", "ResponseCache", ["GatewayModel"]),
        tests(
            "DataPlane", "RequestWalk",
            ["GatewayModel", "PlaneContract", "KeyMaterial", "Routing", "Admission", "ResponseCache"]),
        tests("DataPlane", "CurlTransport", ["Reactor"]),
        tests("DataPlane", "DataPlaneHTTP", ["Reactor", "RequestWalk"]),
        tests("DataPlane", "ReactorRedis", ["GatewayModel", "Reactor", "Redis", "TestPeers"]),
        tests("DataPlane", "LoopWatch", ["Operations", "Reactor", "TestPeers"]),
        tests(
            "DataPlane", "LimiterClient",
            [
                "Admission", "GatewayModel", "LoopWatch", "Operations", "PlaneContract", "Reactor", "Redis",
                "RequestWalk", "TestPeers",
                logging,
            ]),
        tests(
            "DataPlane", "KeyDirectory",
            [
                "Admission", "GatewayModel", "LimiterClient", "Operations", "PlaneContract", "Reactor", "Redis",
                "RequestWalk", "TestPeers",
            ]),
        tests(
            "DataPlane", "CacheClient",
            ["GatewayModel", "Operations", "Reactor", "RequestWalk", "ResponseCache", "TestPeers"]),
        tests(
            "DataPlane", "Settlement",
            [
                "Admission", "GatewayModel", "Journal", "LimiterClient", "LoopWatch", "Operations", "PlaneContract",
                "Reactor", "RequestWalk", "TestPeers",
            ]),
        tests(
            "DataPlane", "ProviderCalls",
            ["GatewayModel", "PlaneContract", "Reactor", "RequestWalk", "Routing", "TestPeers"]),
        tests(
            "DataPlane", "ConfigurationFollower",
            ["GatewayModel", "KeyMaterial", "Operations", "PlaneContract", "Routing", "TestPeers", nioPosix]),
        tests(
            "DataPlane", "Reaping",
            [
                "GatewayModel", "LimitScripts", "LoopWatch", "Operations", "PlaneContract", "Redis", "TestPeers",
                nioCore, nioPosix,
            ]),
        tests(
            "DataPlane", "HealthSharing",
            ["GatewayModel", "PlaneContract", "Reactor", "Redis", "Routing", "TestPeers", nioCore, nioPosix]),
        tests("DataPlane", "ProcessLimits", ["DataPlaneHTTP", "Operations", "RequestWalk", "TestPeers"]),
        tests(
            "DataPlane", "WorkerConfiguration",
            ["GatewayModel", "KeyMaterial", "Operations", "Redis", "RequestWalk", "ResponseCache"]),
        tests(
            "DataPlane", "EventLoops",
            [
                "DataPlaneHTTP", "GatewayModel", "Journal", "KeyMaterial", "LoopWatch", "Operations", "ProcessLimits",
                "Reactor", "ResponseCache",
                "Routing", "TestPeers", "WorkerConfiguration",
            ]),
        tests("DataPlane", "TLSFront", ["Reactor", "TLS", "TestPeers", nioPosix]),
        tests("DataPlane", "DataPlaneApp", ["LimitScripts", "TestPeers", "WorkerConfiguration"]),
        tests(
            "DataPlane", "Worker", ["Admission", "GatewayModel", "Journal", "TestPeers"], isProgram: true),
        tests("ControlPlane", "Postgres", []),
        tests(
            "ControlPlane", "AdminHTTP",
            [
                "AdminCore", "GatewayModel", "KeyMaterial", "PlaneContract", "Routing", hummingbird, httpTypes, logging,
                nioCore, nioEmbedded,
            ]),
        tests(
            "ControlPlane", "Publication",
            [
                "AdminCore", "GatewayModel", "KeyMaterial", "Operations", "PlaneContract", "Postgres", "Redis",
                "RedisModel", "StateRedisAccess", logging,
            ]),
        tests(
            "ControlPlane", "SharedBudgets",
            ["GatewayModel", "Operations", "PlaneContract", "RedisModel", "StateRedisAccess", logging]),
        tests(
            "ControlPlane", "RedisSupervision",
            ["LimitScripts", "Operations", "PlaneContract", "Redis", "RedisModel", "StateRedisAccess", logging]),
        tests("ControlPlane", "StateRedisAccess", ["LimitScripts", "Redis", "RedisModel"]),
        tests("ControlPlane", "AuditLog", ["KeyMaterial"]),
        tests("ControlPlane", "Rotation", ["KeyMaterial", "PlaneContract", "Redis", "RedisModel"]),
        tests(
            "ControlPlane", "RouteExplanations",
            ["AdminCore", "GatewayModel", "PlaneContract", "RedisModel", "Routing"]),
        tests("ControlPlane", "Ledger", ["GatewayModel", "PlaneContract", "Postgres", "Redis", "RedisModel"]),
        tests("ControlPlane", "AdminCore", []),
        tests("ControlPlane", "AdminStore", ["GatewayModel", "PlaneContract", "Postgres"]),
        tests("ControlPlane", "ControlPlaneApp", ["Operations", "Rotation"]),
        tests("ControlPlane", "Control", ["PlaneContract", argumentParser]),
    ]
)
