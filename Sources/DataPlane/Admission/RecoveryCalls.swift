internal import GatewayModel
internal import LimitScripts
package import PlaneContract

/// Calls a worker makes after Redis was restarted, failed over or wiped.
///
/// It restores its holds, appends ended requests again, then reports that it is done.
package enum RecoveryCalls {
    /// Restores the hold of a running request.
    package static func restore(_ open: HoldLedger.Open, generation: String, loopID: String, into out: inout [UInt8]) {
        let scopes = open.request.caller.scopes
        CommandWriter.begin(.restore, keys: 2 + scopes.counterKeys, arguments: 10, to: &out)
        CommandWriter.add(RedisKeys.hold(scopes.shard, open.request.id.text), to: &out)
        out += scopes.openHolds
        out += scopes.counters
        CommandWriter.add(open.request.id.text, to: &out)
        CommandWriter.add(generation, to: &out)
        CommandWriter.add(loopID, to: &out)
        CommandWriter.add(open.admission.atMs, to: &out)
        CommandWriter.add(open.request.lifetimeMs, to: &out)
        CommandWriter.add(open.request.estimatedTokens, to: &out)
        CommandWriter.add(open.hold.nano, to: &out)
        CommandWriter.add(open.cost.nano, to: &out)
        CommandWriter.add(open.event, to: &out)
        CommandWriter.add(open.admission.periods, to: &out)
    }

    /// Appends an ended request for the ledger, touching no counters.
    package static func append(_ ended: SettleRequest, into out: inout [UInt8]) {
        CommandWriter.begin(.append, keys: 1, arguments: 2, to: &out)
        out += ended.scopes.usageStream
        CommandWriter.add(ended.id, to: &out)
        CommandWriter.add(ended.event, to: &out)
    }

    /// Reports that this loop has appended everything it knows, for the generation being prepared.
    package static func appended(_ shard: Shard, loopID: String, generation: String, into out: inout [UInt8]) {
        CommandWriter.begin(.markAppended, keys: 1, arguments: 2, to: &out)
        CommandWriter.add(RedisKeys.runIDs(shard), to: &out)
        CommandWriter.add(loopID, to: &out)
        CommandWriter.add(generation, to: &out)
    }

    /// Reports that this loop has replayed everything for this shard, in the fence's process and generation.
    package static func reopen(_ shard: Shard, loopID: String, _ fence: Fence, into out: inout [UInt8]) {
        CommandWriter.begin(.reopen, keys: 2, arguments: 4, to: &out)
        CommandWriter.add(RedisKeys.runIDs(shard), to: &out)
        CommandWriter.add(RedisKeys.heartbeats(shard), to: &out)
        CommandWriter.add(loopID, to: &out)
        CommandWriter.add(fence.redisRunID, to: &out)
        CommandWriter.add(fence.generation, to: &out)
        CommandWriter.add(PlaneTiming.replayTimeoutMs, to: &out)
    }
}

/// What Redis answers to a loop that has replayed its requests into a shard: whether admissions are open there again,
/// and otherwise what the loop has to wait for or do first.
package enum ReopenVerdict: Sendable, Equatable {
    case open
    /// Other loops are still replaying.
    case waiting
    /// The shard has another generation than was named: replay into this one first.
    case otherGeneration(String)
    /// The shard's counters are lost; `barrier` is the generation being prepared, once there is one.
    case lost(barrier: String?)
    case unreadable

    package init(reply: [String]) {
        switch (reply.first, reply.count) {
        case ("0", 1): self = .open
        case ("1", 2): self = .waiting
        case ("2", 2) where !reply[1].isEmpty: self = .otherGeneration(reply[1])
        case ("3", 2): self = .lost(barrier: reply[1].isEmpty ? nil : reply[1])
        default: self = .unreadable
        }
    }
}
