internal import KeyMaterial
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Operations

/// The services of each event loop, reached from the loop itself or from outside by hopping onto it.
final class WorkerLoops: Sendable {
    private let services: [(loop: any EventLoop, bound: NIOLoopBound<LoopServices>)]

    init(
        _ group: MultiThreadedEventLoopGroup, settings: WorkerSettings, owner: String, digester: KeyDigester,
        metrics: MetricsRegistry, log: Logger
    ) async throws {
        var made: [(any EventLoop, NIOLoopBound<LoopServices>)] = []
        for loop in group.makeIterator() {
            let bound = try await loop.submit {
                NIOLoopBound(
                    LoopServices(
                        on: loop, settings: settings, owner: owner, digester: digester, metrics: metrics, log: log),
                    eventLoop: loop)
            }.get()
            made.append((loop, bound))
        }
        services = made
    }

    /// Call on `loop`.
    func services(of loop: any EventLoop) -> LoopServices {
        guard let found = services.first(where: { $0.loop === loop }) else {
            preconditionFailure("a connection runs on a loop of this worker")
        }
        return found.bound.value
    }

    func forEach(_ body: @escaping @Sendable (LoopServices) -> Void) {
        for (loop, bound) in services { loop.execute { body(bound.value) } }
    }

    func unfinished() async -> Int {
        var sum = 0
        for (loop, bound) in services { sum += (try? await loop.submit { bound.value.unfinished }.get()) ?? 0 }
        return sum
    }
}
