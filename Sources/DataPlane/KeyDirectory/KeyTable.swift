internal import Admission
internal import FoundationEssentials
internal import GatewayModel
package import LimiterClient
internal import PlaneContract
package import Reactor
internal import Redis
package import RequestWalk

/// A loop's bounded cache of key records, and its look-ups in flight.
///
/// A cached record may be stale: admit compares its version inside Redis, so staleness costs a second look-up and never
/// a wrong admission.
///
/// A revoked, suspended or expired key is treated as an unknown one, here and in the response: neither the error nor
/// its timing reveals which it is.
package final class KeyTable {
    /// Cached records; at this bound all are dropped.
    package static let recordsMax = 100_000
    /// Digests cached as unknown; at this bound all are dropped.
    package static let unknownMax = 10_000
    /// How long a digest is cached as unknown.
    package static let unknownMs: Int64 = 2_000
    /// How long a sighting of `keySetComplete`, the marker that Redis has all keys, stays valid.
    private static let completeMs: Int64 = 1_000

    private let limiter: LimiterConnection
    private let gate: LimiterGate
    private let failed: FailedKeyGuard
    private var records: [String: Caller] = [:]
    private var unknown: [String: Int64] = [:]
    private var waiters: [String: [(KeyLookup) -> Void]] = [:]
    /// When that marker was last seen.
    private var sawCompleteMs = Int64.min / 2

    /// - Parameters:
    ///   - gate: look-ups take their turn there.
    ///   - failed: shared by all loops of the worker.
    package init(_ limiter: LimiterConnection, _ gate: LimiterGate, _ failed: FailedKeyGuard) {
        self.limiter = limiter
        self.gate = gate
        self.failed = failed
    }

    /// Evicts a record older than `version`. A record pushed again unchanged stays: it may be needed while Redis is
    /// unreachable.
    package func forget(digest: String, before version: Int64) {
        if let known = records[digest], known.record.recordVersion < version { records[digest] = nil }
        unknown[digest] = nil
    }

    /// Drops the sighting of the marker: the new connection may reach another Redis.
    package func connected() { sawCompleteMs = .min / 2 }

    /// Finds the first of the digests (one per pepper, newest first) that Redis knows.
    ///
    /// - Parameters:
    ///   - fresh: asks Redis even if the record is cached.
    ///   - address: the client's address; evaluated only when the first digest cannot be answered from the cache.
    ///   - reply: gets `notAsked` for a known caller, too, whose calls the gate would refuse.
    package func lookUp(
        _ digests: [String], fresh: Bool, from address: () -> PeerAddress, reply: @escaping (KeyLookup) -> Void
    ) {
        find(digests, fresh: fresh, from: address) { [gate] lookup in
            if case .found(let caller) = lookup, let error = gate.refusal(of: caller.record.keyID) {
                return reply(.notAsked(error))
            }
            reply(lookup)
        }
    }

    private func find(
        _ digests: [String], fresh: Bool, from address: () -> PeerAddress, reply: @escaping (KeyLookup) -> Void
    ) {
        guard let digest = digests.first else { return reply(.unknown) }
        if !fresh, let known = records[digest] { return reply(.found(known)) }
        search(digests, fresh: fresh, from: address(), hasAsked: false, reply: reply)
    }

    private func search(
        _ digests: [String], fresh: Bool, from address: PeerAddress, hasAsked: Bool,
        reply: @escaping (KeyLookup) -> Void
    ) {
        guard let digest = digests.first else {
            if hasAsked { failed.failed(address, atMs: limiter.reactor.nowMs) }
            return reply(.unknown)
        }
        if !fresh, let known = records[digest] { return reply(.found(known)) }
        let others = Array(digests.dropFirst())
        let isFirst = waiters[digest] == nil
        // A look-up in flight is newer than a cached miss: wait for it instead.
        if isFirst, !fresh, let until = unknown[digest], until > limiter.reactor.nowMs {
            return search(others, fresh: false, from: address, hasAsked: hasAsked, reply: reply)
        }
        if isFirst, !fresh, !hasAsked, let error = failed.refusal(of: address, atMs: limiter.reactor.nowMs) {
            return reply(.notAsked(error))
        }
        waiters[digest, default: []].append { [self] lookup in
            guard case .unknown = lookup else { return reply(lookup) }
            search(others, fresh: fresh, from: address, hasAsked: hasAsked || isFirst, reply: reply)
        }
        if isFirst { ask(digest, from: address, isLimited: !fresh && !hasAsked) }
    }

    private func ask(_ digest: String, from address: PeerAddress, isLimited: Bool) {
        gate.call(for: address.network.description) { [self] answered in
            // More keys may have failed while this look-up was queued.
            if isLimited, let error = failed.refusal(of: address, atMs: limiter.reactor.nowMs) {
                answered(nil)
                return answer(digest, .notAsked(error))
            }
            ask(digest, answered)
        } refuse: { [self] error in
            answer(digest, .notAsked(error))
        }
    }

    /// Looks a digest up in Redis, and tells a missing key from a wiped Redis.
    ///
    /// After a wipe, a missing record proves nothing until all keys are back. So a key is unknown only if the
    /// `keySetComplete` marker was seen before and after its record was found missing. The first sighting may be a
    /// second old; for a wrong result the keys would have to be completed between two commands that are sent together.
    private func ask(_ digest: String, _ answered: @escaping (Int64?) -> Void) {
        let isComplete = RedisCommand(["EXISTS", RedisKeys.keySetComplete])
        if limiter.reactor.nowMs - sawCompleteMs > Self.completeMs { limiter.send(isComplete, noteKeySetComplete) }
        var wasComplete = false
        var lookup = KeyLookup.unavailable
        limiter.send(RedisCommand(["HGET", RedisKeys.keyRecord(digest: digest), RedisField.record])) { [self] result in
            wasComplete = limiter.reactor.nowMs - sawCompleteMs <= 2 * Self.completeMs
            lookup = accept(result, digest)
        }
        limiter.send(isComplete) { [self] result in
            answered(limiter.tookUs(result))
            noteKeySetComplete(result)
            let isComplete = sawCompleteMs == limiter.reactor.nowMs
            if case .unknown = lookup, records[digest] == nil, unknown[digest] == nil {
                if wasComplete, isComplete { noteUnknown(digest) } else { lookup = .unavailable }
            }
            answer(digest, lookup)
        }
    }

    private func noteKeySetComplete(_ result: Result<RESPValue, RedisError>) {
        sawCompleteMs = result.isOne ? limiter.reactor.nowMs : .min / 2
    }

    private func answer(_ digest: String, _ lookup: KeyLookup) {
        for waiter in waiters.removeValue(forKey: digest) ?? [] { waiter(lookup) }
    }

    private func noteUnknown(_ digest: String) {
        if unknown.count >= Self.unknownMax { unknown.removeAll(keepingCapacity: true) }
        unknown[digest] = limiter.reactor.nowMs + Self.unknownMs
    }

    private func accept(_ result: Result<RESPValue, RedisError>, _ digest: String) -> KeyLookup {
        guard case .success(let value) = result else { return .unavailable }
        records[digest] = nil
        unknown[digest] = nil
        guard value != .null else { return .unknown }
        // An unreadable record is a fault of the gateway, not an unknown key.
        guard let text = value.string, let record = try? JSONDecoder().decode(KeyRecord.self, from: Data(text.utf8))
        else { return .unavailable }
        guard record.status == .active, (record.expiresAtMs ?? .max) > Reactor.wallMs() else {
            noteUnknown(digest)
            return .unknown
        }
        if records.count >= Self.recordsMax { records.removeAll(keepingCapacity: true) }
        let caller = Caller(record)
        records[digest] = caller
        return .found(caller)
    }
}

extension Result<RESPValue, RedisError> {
    fileprivate var isOne: Bool { if case .success(let value) = self { value.integer == 1 } else { false } }
}
