// swift-tools-version:6.2
import PackageDescription

/// The two ends of a benchmark: a provider and its callers, each one thread on epoll and cheap beside any proxy.
let package = Package(
    name: "Benchmarks",
    products: [
        .executable(name: "bench-upstream", targets: ["Upstream"]),
        .executable(name: "bench-load", targets: ["Load"]),
    ],
    targets: [
        .systemLibrary(name: "CSystem", path: "Sources/CSystem"),
        .target(name: "Sockets", dependencies: ["CSystem"]),
        .executableTarget(name: "Upstream", dependencies: ["Sockets"]),
        .executableTarget(name: "Load", dependencies: ["Sockets"]),
    ]
)
