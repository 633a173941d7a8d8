/// The limiter inside Redis: a function library in Lua, loaded by the control plane alone.
///
/// Its files are joined in order; the name carries the protocol version, so that a later `gw2` can stand beside it
/// while workers roll.
package enum LimitLibrary {
    package static let name = "gw1"

    /// The text for `FUNCTION LOAD REPLACE`.
    package static var source: String {
        [
            PackageResources.common_lua, PackageResources.ring_lua, PackageResources.admit_lua,
            PackageResources.settle_lua, PackageResources.sweep_lua, PackageResources.configure_lua,
            PackageResources.peek_lua,
        ].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }

    package enum Function: String, Sendable, CaseIterable {
        case admit = "gw1_admit"
        case settle = "gw1_settle"
        case progress = "gw1_progress"
        case heartbeat = "gw1_heartbeat"
        case farewell = "gw1_farewell"
        case sweep = "gw1_sweep"
        case peek = "gw1_peek"
        case raise = "gw1_raise"
        case putKey = "gw1_put_key"
        case seed = "gw1_seed"
        case openShard = "gw1_open_shard"
    }
}
