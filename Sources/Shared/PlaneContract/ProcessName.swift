/// The names of processes and event loops in Redis: they own heartbeats, holds, watermarks and secret reports.
///
/// A name is drawn at each start, so a process that comes back is another owner.
package enum ProcessName {
    private static let worker = "w-"
    private static let controlPlane = "control-"

    package static func newWorker() -> String { worker + random }
    package static func newControlPlane() -> String { controlPlane + random }
    private static var random: String { String(UInt64.random(in: .min ... .max), radix: 36) }

    /// The name of a worker's event loop, which is what owns holds and heartbeats.
    package static func loop(_ number: Int, of worker: String) -> String { "\(worker).\(number)" }

    /// The process that an owner is, or is an event loop of.
    package static func process(of owner: String) -> String {
        owner.split(separator: ".").first.map(String.init) ?? owner
    }

    /// Whether it is a worker or an event loop of one.
    package static func isWorker(_ name: String) -> Bool { name.hasPrefix(worker) }
    /// Control planes send heartbeats too, but admit nothing.
    package static func isControlPlane(_ name: String) -> Bool { name.hasPrefix(controlPlane) }
}
