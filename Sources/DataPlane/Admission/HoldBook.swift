package import GatewayModel
package import PlaneContract

/// What one event loop knows of its own requests, running and ended, until the ledger has them: Redis may lose its last
/// second or everything, and is then told again. A plain value; who sends and when is its owner's business.
package struct HoldBook {
    /// A request that runs: enough to put its hold back.
    package struct Open {
        package var request: AdmitRequest
        package var admission: Admission
        package var hold: NanoUSD
        /// What its worker's death would be charged now, and the event for that.
        package var cost: NanoUSD
        package var event: [UInt8]
        /// The life of the shard's counters in which it is held.
        package var generation: String
    }

    /// A request that has ended: its charge is frozen.
    package struct Ended {
        package var request: SettleRequest
        /// The life in which settling it means something; in a later one it is only filed.
        package var generation: String
        package var endedMs: Int64
        /// When Redis said that it has it.
        package var confirmedMs: Int64 = 0
        /// Where its event stands in the usage stream, once Redis has said so.
        package var streamID: StreamID?
        /// The ledger has it.
        package var isAcknowledged = false
    }

    private var open: [String: Open] = [:]
    private var ended: [String: Ended] = [:]
    /// Ids by shard in the order Redis confirmed them, which is the order of the stream.
    private var confirmed: [[String]] = Array(repeating: [], count: Shard.count)
    /// What only the disk has, by shard in the order of the stream.
    private var forgotten: [[(place: StreamID, id: String)]] = Array(repeating: [], count: Shard.count)
    /// Ids the ledger has, in the order it said so.
    private var acknowledgedIDs: [String] = []

    package init() {}

    package var openCount: Int { open.count }
    package var endedCount: Int { ended.count }
    /// Ended requests that Redis has not confirmed.
    package private(set) var unconfirmedCount = 0

    // MARK: The life of a request

    @discardableResult
    package mutating func admitted(_ request: AdmitRequest, _ admission: Admission, generation: String) -> Open {
        let entry = Open(
            request: request, admission: admission, hold: admission.hold, cost: request.floorCost, event: request.event,
            generation: generation)
        open[request.id.text] = entry
        return entry
    }

    @discardableResult
    package mutating func progressed(_ report: ProgressReport) -> Open? {
        guard let at = open.index(forKey: report.id.text) else { return nil }
        open.values[at].cost = report.cost
        open.values[at].event = report.event
        return open.values[at]
    }

    package mutating func holds(_ nano: NanoUSD, _ id: RequestID) { open[id.text]?.hold = nano }

    /// - Parameter generation: the shard's life now, for a request that never got a hold.
    /// - Parameter preparing: the life being prepared, when everything was filed for it before this request ended: it counts
    ///   there.
    /// - Returns: the life it is to be settled in.
    @discardableResult
    package mutating func ended(
        _ request: SettleRequest, generation: String, preparing: String? = nil, atMs now: Int64
    ) -> String {
        let known = open.removeValue(forKey: request.id)?.generation ?? generation
        let life = preparing ?? known
        let before = ended.updateValue(
            Ended(request: request, generation: life, endedMs: now, streamID: nil), forKey: request.id)
        if before == nil { unconfirmedCount += 1 }
        return life
    }

    /// Redis has it. `nil`: there is nothing to file, or it cannot say where.
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

    /// The ledger has everything of this shard up to `upTo`. Returns the ids it has now and had not before: nothing about them can
    /// be lost any more, but Redis may still lose what they spent.
    package mutating func acknowledged(_ shard: Shard, upTo: StreamID) -> [String] {
        let early = forgotten[shard.index].prefix { $0.place <= upTo }.map(\.id)
        forgotten[shard.index].removeFirst(early.count)
        let ids = confirmed[shard.index]
        let count = ids.prefix { id in
            guard let place = ended[id]?.streamID else { return true }
            return place <= upTo
        }.count
        guard count > 0 else { return early }
        confirmed[shard.index].removeFirst(count)
        for id in ids.prefix(count) { ended[id]?.isAcknowledged = true }
        acknowledgedIDs.append(contentsOf: ids.prefix(count))
        return early + ids.prefix(count)
    }

    /// Shards with requests the ledger has not acknowledged.
    package var unacknowledged: [Shard] {
        Shard.all.filter { !confirmed[$0.index].isEmpty || !forgotten[$0.index].isEmpty }
    }

    /// Drops what the ledger has and what Redis had before `before`: after so long it no longer loses that without losing
    /// everything. Returns the ids.
    @discardableResult
    package mutating func dropAcknowledged(confirmedBefore before: Int64) -> [String] {
        let count = acknowledgedIDs.prefix { id in ended[id].map { $0.confirmedMs < before } ?? true }.count
        let dropped = acknowledgedIDs.prefix(count).filter { ended[$0]?.isAcknowledged == true }
        for id in dropped { ended[id] = nil }
        acknowledgedIDs.removeFirst(count)
        return dropped
    }

    /// Drops all but the place of what Redis had before `before` and the ledger does not have yet: it is on disk.
    package mutating func forget(confirmedBefore before: Int64) {
        for shard in confirmed.indices {
            let old = confirmed[shard].prefix { id in ended[id].map { $0.confirmedMs < before } ?? true }
            for id in old {
                if let place = ended.removeValue(forKey: id)?.streamID { forgotten[shard].append((place, id)) }
            }
            confirmed[shard].removeFirst(old.count)
        }
    }

    /// Whether something of this shard is known to the disk alone.
    package func hasForgotten(_ shard: Shard) -> Bool { !forgotten[shard.index].isEmpty }

    /// Requests that only the disk has: the ledger does not yet, and here only their place is known.
    package func forgotten(in shard: Shard) -> Set<String> { Set(forgotten[shard.index].map(\.id)) }

    /// What was forgotten of this shard is known again, and to be confirmed again: its places are void.
    package mutating func remember(
        _ requests: [(request: SettleRequest, generation: String)], of shard: Shard, atMs now: Int64
    ) {
        for (request, generation) in requests where ended[request.id] == nil {
            ended[request.id] = Ended(request: request, generation: generation, endedMs: now)
            unconfirmedCount += 1
        }
        forgotten[shard.index] = []
    }

    // MARK: Recovery

    package func running(in shard: Shard) -> [Open] {
        open.values.filter { $0.request.caller.scopes.shard == shard }
    }

    package func ended(in shard: Shard) -> [Ended] {
        ended.values.filter { $0.request.scopes.shard == shard }
    }

    package func ended(_ id: String) -> Ended? { ended[id] }

    /// An ended request turns out to be of another life.
    package mutating func date(_ id: String, in generation: String) { ended[id]?.generation = generation }

    /// The shard lives anew: its running requests are held there from now on.
    package mutating func move(_ shard: Shard, to generation: String) {
        for (id, entry) in open where entry.request.caller.scopes.shard == shard {
            open[id]?.generation = generation
        }
    }

    /// What was confirmed may be lost: it has to be confirmed again.
    ///
    /// - Parameter andAcknowledged: what the ledger has, too, because what it spent may be lost.
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
