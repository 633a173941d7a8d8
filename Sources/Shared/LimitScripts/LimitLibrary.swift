/// The limiter inside Redis: a Lua function library, loaded only by the control plane.
///
/// Its files are concatenated in order. The name contains the protocol version, so that a later `gw3` can coexist while
/// workers are upgraded.
package enum LimitLibrary {
    package static let name = "gw2"

    /// The text for `FUNCTION LOAD REPLACE`.
    package static var source: String {
        [
            PackageResources.common_lua, PackageResources.scope_lua, PackageResources.sliding_window_lua,
            PackageResources.saved_lua, PackageResources.pool_lua,
            PackageResources.admit_lua, PackageResources.settle_lua, PackageResources.progress_lua,
            PackageResources.recover_lua, PackageResources.sweep_lua, PackageResources.control_plane_lua,
            PackageResources.peek_lua,
        ].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }

    /// The revision of this library.
    package static let revision = revision(of: source) ?? 0

    /// The revision of a library's text; `nil` for one from before revisions.
    package static func revision(of text: String) -> Int? {
        let mark = "local REVISION = "
        return text.split(separator: "\n").prefix(8).first { $0.hasPrefix(mark) }.flatMap {
            Int($0.dropFirst(mark.count))
        }
    }

    package enum Function: String, Sendable, CaseIterable {
        case admit = "gw2_admit"
        case begin = "gw2_begin"
        case settle = "gw2_settle"
        case progress = "gw2_progress"
        case restore = "gw2_restore"
        case append = "gw2_append"
        case reopen = "gw2_reopen"
        case markAppended = "gw2_appended"
        case heartbeat = "gw2_heartbeat"
        case deregister = "gw2_farewell"
        case sweep = "gw2_sweep"
        case peek = "gw2_peek"
        case find = "gw2_find"
        case inspect = "gw2_inspect"
        case raiseVersion = "gw2_raise"
        case putKey = "gw2_put_key"
        case countLate = "gw2_count"
        case stop = "gw2_stop"
        case barrier = "gw2_barrier"
        case close = "gw2_close"
        case clear = "gw2_clear"
        case seed = "gw2_seed"
        case restoreReaped = "gw2_entomb"
        case activate = "gw2_live"
        case raiseSpent = "gw2_at_least"
        case share = "gw2_share"
        case pool = "gw2_pool"
    }
}
