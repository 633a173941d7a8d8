package import GatewayModel
package import PlaneContract

/// One event loop's requests, running and ended, until the ledger has them.
///
/// Redis may lose its last second or everything; then they are sent again from here. A plain value: `SettlementQueue`
/// decides what is sent and when.
package struct HoldLedger {
    /// A running request: enough to restore its hold.
    package struct Open {
        package var request: AdmitRequest
        package var admission: Admission
        package var hold: NanoUSD
        /// What the request is charged if its worker dies now, and the event for that.
        package var cost: NanoUSD
        package var event: [UInt8]
        /// The generation of the shard's counters it is held in.
        package var generation: String
    }

    /// An ended request. Its charge is final.
    package struct Ended {
        package var request: SettleRequest
        /// The generation it can be settled in; in a later one it is only appended.
        package var generation: String
        package var endedMs: Int64
        /// When Redis confirmed it, on the reactor's clock.
        package var confirmedMs: Int64 = 0
        /// Its event's position in the usage stream, once Redis has confirmed it.
        package var streamID: StreamID?
        /// Whether the ledger has it.
        package var isAcknowledged = false
    }

    private var open: [String: Open] = [:]
    private var ended: [String: Ended] = [:]
    /// Ids by shard in the order Redis confirmed them, which is stream order.
    private var confirmed: [[String]] = Array(repeating: [], count: Shard.count)
    /// Evicted requests, whose records are only on disk, by shard in stream order.
    private var evicted: [[(streamID: StreamID, id: String)]] = Array(repeating: [], count: Shard.count)
    /// Ids the ledger has, in the order it acknowledged them.
    private var acknowledgedIDs: [String] = []

    package init() {}

    package var openCount: Int { open.count }
    package var endedCount: Int { ended.count }
    /// Ended requests that Redis has not confirmed.
    package private(set) var unconfirmedCount = 0

    // MARK: Request lifecycle

    /// Adds a running request. Until its first progress report, it would be charged its floor cost.
    ///
    /// - Parameter generation: the generation in which Redis holds it; empty when none is known yet.
    @discardableResult
    package mutating func admitted(_ request: AdmitRequest, _ admission: Admission, generation: String) -> Open {
        let entry = Open(
            request: request, admission: admission, hold: admission.hold, cost: request.floorCost, event: request.event,
            generation: generation)
        open[request.id.text] = entry
        return entry
    }

    /// Records what a running request has cost so far.
    ///
    /// - Returns: the updated entry; `nil` when the request is not running here.
    @discardableResult
    package mutating func progressed(_ report: ProgressReport) -> Open? {
        guard let at = open.index(forKey: report.id.text) else { return nil }
        open.values[at].cost = report.cost
        open.values[at].event = report.event
        return open.values[at]
    }

    /// Records the amount Redis holds after a hold extension.
    package mutating func setHold(_ nano: NanoUSD, of id: RequestID) { open[id.text]?.hold = nano }

    /// - Parameter generation: the shard's current generation, for a request that never got a hold.
    /// - Parameter preparing: the generation being prepared, if everything was appended for it before this request
    ///   ended: the request counts there.
    /// - Returns: the generation to settle it in.
    @discardableResult
    package mutating func ended(
        _ request: SettleRequest, generation: String, preparing: String? = nil, atMs now: Int64
    ) -> String {
        let heldIn = open.removeValue(forKey: request.id)?.generation ?? generation
        let target = preparing ?? heldIn
        let before = ended.updateValue(
            Ended(request: request, generation: target, endedMs: now, streamID: nil), forKey: request.id)
        if before == nil { unconfirmedCount += 1 }
        return target
    }

    /// Marks a request as confirmed by Redis. A `nil` `streamID` drops it: no event is to be appended, or its
    /// position is unknown.
    package mutating func confirmed(_ id: String, at streamID: StreamID?, atMs now: Int64) {
        guard let at = ended.index(forKey: id), ended.values[at].streamID == nil else { return }
        unconfirmedCount -= 1
        guard let streamID else {
            ended.remove(at: at)
            return
        }
        ended.values[at].streamID = streamID
        ended.values[at].confirmedMs = now
        confirmed[ended.values[at].request.scopes.shard.index].append(id)
    }

    /// Marks the shard's requests up to `upTo` as in the ledger, and returns their ids.
    ///
    /// Their events can no longer be lost, but they are kept: Redis may still lose what they spent.
    package mutating func acknowledged(_ shard: Shard, upTo: StreamID) -> [String] {
        let early = evicted[shard.index].prefix { $0.streamID <= upTo }.map(\.id)
        evicted[shard.index].removeFirst(early.count)
        let ids = confirmed[shard.index]
        let count = ids.prefix { id in
            guard let streamID = ended[id]?.streamID else { return true }
            return streamID <= upTo
        }.count
        guard count > 0 else { return early }
        confirmed[shard.index].removeFirst(count)
        for id in ids.prefix(count) { ended[id]?.isAcknowledged = true }
        acknowledgedIDs.append(contentsOf: ids.prefix(count))
        return early + ids.prefix(count)
    }

    /// Shards with confirmed requests that the ledger has not acknowledged.
    package var unacknowledged: [Shard] {
        Shard.all.filter { !confirmed[$0.index].isEmpty || !evicted[$0.index].isEmpty }
    }

    /// Drops requests that the ledger has and Redis confirmed before `before`, and returns their ids.
    ///
    /// Redis no longer loses what is that old without losing everything.
    @discardableResult
    package mutating func dropAcknowledged(confirmedBefore before: Int64) -> [String] {
        let count = acknowledgedIDs.prefix { id in ended[id].map { $0.confirmedMs < before } ?? true }.count
        let dropped = acknowledgedIDs.prefix(count).filter { ended[$0]?.isAcknowledged == true }
        for id in dropped { ended[id] = nil }
        acknowledgedIDs.removeFirst(count)
        return dropped
    }

    /// Evicts requests confirmed before `before` that the ledger lacks: only their stream IDs stay in memory, the rest
    /// is on disk.
    package mutating func evict(confirmedBefore before: Int64) {
        for shard in confirmed.indices {
            let old = confirmed[shard].prefix { id in ended[id].map { $0.confirmedMs < before } ?? true }
            for id in old {
                if let streamID = ended.removeValue(forKey: id)?.streamID { evicted[shard].append((streamID, id)) }
            }
            confirmed[shard].removeFirst(old.count)
        }
    }

    /// Whether requests of this shard are evicted.
    package func hasEvicted(_ shard: Shard) -> Bool { !evicted[shard.index].isEmpty }

    /// Evicted requests of this shard, which the ledger does not have yet.
    package func evicted(in shard: Shard) -> Set<String> { Set(evicted[shard.index].map(\.id)) }

    /// Reloads evicted requests. Their stream IDs are stale, so each must be confirmed again.
    package mutating func reload(
        _ requests: [(request: SettleRequest, generation: String)], of shard: Shard, atMs now: Int64
    ) {
        for (request, generation) in requests where ended[request.id] == nil {
            ended[request.id] = Ended(request: request, generation: generation, endedMs: now)
            unconfirmedCount += 1
        }
        evicted[shard.index] = []
    }

    // MARK: Recovery

    /// Running requests of the shard, in no particular order.
    package func running(in shard: Shard) -> [Open] {
        open.values.filter { $0.request.caller.scopes.shard == shard }
    }

    /// Ended requests of the shard in memory, in no particular order; evicted ones are only on disk.
    package func ended(in shard: Shard) -> [Ended] {
        ended.values.filter { $0.request.scopes.shard == shard }
    }

    /// The ended request with this ID; `nil` when it is unknown, running or evicted.
    package func ended(_ id: String) -> Ended? { ended[id] }

    /// Assigns an ended request to another generation.
    package mutating func assign(_ id: String, to generation: String) { ended[id]?.generation = generation }

    /// Moves the shard's running requests to its new generation.
    package mutating func move(_ shard: Shard, to generation: String) {
        for (id, entry) in open where entry.request.caller.scopes.shard == shard {
            open[id]?.generation = generation
        }
    }

    /// Marks confirmed requests as unconfirmed: Redis may have lost them.
    ///
    /// - Parameter andAcknowledged: includes those the ledger has, because Redis may have lost what they spent.
    package mutating func unconfirm(_ shard: Shard, andAcknowledged: Bool = true) {
        for (id, entry) in ended where entry.streamID != nil && entry.request.scopes.shard == shard {
            if entry.isAcknowledged, !andAcknowledged { continue }
            ended[id]?.streamID = nil
            ended[id]?.isAcknowledged = false
            unconfirmedCount += 1
        }
        confirmed[shard.index] = []
    }
}
