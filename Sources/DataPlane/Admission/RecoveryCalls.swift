internal import GatewayModel
internal import LimitScripts
package import PlaneContract

/// What a worker calls when Redis was restarted, failed over or wiped: its holds are put back, what ended is filed again,
/// then it says that it is through.
package enum RecoveryCalls {
    /// How long a shard stays shut for an owner that does not come back.
    package static let patienceMs: Int64 = 3_000

    /// Puts the hold of a running request back.
    package static func restore(_ open: HoldBook.Open, generation: String, owner: String, into out: inout [UInt8]) {
        let scopes = open.request.caller.scopes
        CommandWriter.begin(.restore, keys: 2 + scopes.counterKeys, arguments: 10, to: &out)
        CommandWriter.add(RedisKeys.hold(scopes.shard, open.request.id.text), to: &out)
        out += scopes.openHolds
        out += scopes.counters
        CommandWriter.add(open.request.id.text, to: &out)
        CommandWriter.add(generation, to: &out)
        CommandWriter.add(owner, to: &out)
        CommandWriter.add(open.admission.atMs, to: &out)
        CommandWriter.add(open.request.lifetimeMs, to: &out)
        CommandWriter.add(open.request.estimatedTokens, to: &out)
        CommandWriter.add(open.hold.nano, to: &out)
        CommandWriter.add(open.cost.nano, to: &out)
        CommandWriter.add(open.event, to: &out)
        CommandWriter.add(open.admission.periods, to: &out)
    }

    /// Files an ended request for the ledger alone.
    package static func append(_ ended: SettleRequest, into out: inout [UInt8]) {
        CommandWriter.begin(.append, keys: 1, arguments: 2, to: &out)
        out += ended.scopes.usageStream
        CommandWriter.add(ended.id, to: &out)
        CommandWriter.add(ended.event, to: &out)
    }

    /// This owner has filed everything it knows of, for the life that is being prepared.
    package static func appended(_ shard: Shard, owner: String, generation: String, into out: inout [UInt8]) {
        CommandWriter.begin(.appended, keys: 1, arguments: 2, to: &out)
        CommandWriter.add(RedisKeys.processes(shard), to: &out)
        CommandWriter.add(owner, to: &out)
        CommandWriter.add(generation, to: &out)
    }

    /// This owner is through with this shard, in the process and the life the fence names.
    package static func reopen(_ shard: Shard, owner: String, _ fence: Fence, into out: inout [UInt8]) {
        CommandWriter.begin(.reopen, keys: 2, arguments: 4, to: &out)
        CommandWriter.add(RedisKeys.processes(shard), to: &out)
        CommandWriter.add(RedisKeys.heartbeats(shard), to: &out)
        CommandWriter.add(owner, to: &out)
        CommandWriter.add(fence.run, to: &out)
        CommandWriter.add(fence.generation, to: &out)
        CommandWriter.add(patienceMs, to: &out)
    }
}

/// What Redis says of a shard whose owner is through.
package enum ReopenVerdict: Sendable, Equatable {
    case open
    /// Other owners are still replaying.
    case waiting
    /// The shard lives another life than was named.
    case otherLife(String)
    /// Its counters are lost; named is the life that is being prepared, once there is one.
    case lost(barrier: String?)
    case unreadable

    package init(reply: [String]) {
        switch (reply.first, reply.count) {
        case ("0", 1): self = .open
        case ("1", 2): self = .waiting
        case ("2", 2) where !reply[1].isEmpty: self = .otherLife(reply[1])
        case ("3", 2): self = .lost(barrier: reply[1].isEmpty ? nil : reply[1])
        default: self = .unreadable
        }
    }
}
