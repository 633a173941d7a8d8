internal import Admission
internal import FoundationEssentials
internal import PlaneContract
internal import Reactor
internal import Redis
internal import RequestWalk

/// The key records a loop knows, bounded, and the look-ups under way. A record may be old: admit compares its version
/// inside Redis, so age costs a second look-up and never a wrong admission.
final class KeyTable {
    static let recordsMax = 100_000
    static let unknownMax = 10_000
    /// How long an unknown digest is remembered as such.
    static let unknownMs: Int64 = 2_000

    private let limiter: LimiterConnection
    private var records: [String: Caller] = [:]
    private var unknown: [String: Int64] = [:]
    private var waiters: [String: [(KeyLookup) -> Void]] = [:]

    init(_ limiter: LimiterConnection) { self.limiter = limiter }

    /// Forgets a record older than `version`. One that is pushed again unchanged stays: it may be needed while Redis is away.
    func forget(digest: String, before version: Int64) {
        if let known = records[digest], known.record.recordVersion < version { records[digest] = nil }
        unknown[digest] = nil
    }

    /// Asks for the first of the digests (one per pepper, newest first) that Redis knows.
    func lookUp(_ digests: [String], fresh: Bool, reply: @escaping (KeyLookup) -> Void) {
        guard let digest = digests.first else { return reply(.unknown) }
        if !fresh, let known = records[digest] { return reply(.found(known)) }
        let isFirst = waiters[digest] == nil
        // While somebody is asking, his answer counts, not what was thought so far.
        if isFirst, !fresh, let until = unknown[digest], until > limiter.reactor.nowMs {
            return next(digests, reply: reply)
        }
        waiters[digest, default: []].append { [self] lookup in
            if case .unknown = lookup { next(digests, fresh: fresh, reply: reply) } else { reply(lookup) }
        }
        guard isFirst else { return }
        limiter.send(RedisCommand(["HGET", RedisKeys.keyRecord(digest: digest), "record"])) { [self] result in
            let lookup = take(result, digest)
            guard case .unknown = lookup else { return answer(digest, lookup) }
            askAgain(digest)
        }
    }

    /// Where Redis was wiped and not all keys are back, nobody can say yet that this one does not exist. It does not when the sign
    /// that they are stood both before and after its record was found missing.
    private func askAgain(_ digest: String) {
        var wereWhole = false
        var lookup = KeyLookup.unavailable
        let areWhole = RedisCommand(["EXISTS", RedisKeys.keysAreWhole])
        limiter.send(areWhole) { result in wereWhole = result.isOne }
        limiter.send(RedisCommand(["HGET", RedisKeys.keyRecord(digest: digest), "record"])) { [self] result in
            lookup = take(result, digest)
        }
        limiter.send(areWhole) { [self] result in
            if case .unknown = lookup {
                if wereWhole, result.isOne { noteUnknown(digest) } else { lookup = .unavailable }
            }
            answer(digest, lookup)
        }
    }

    private func next(_ digests: [String], fresh: Bool = false, reply: @escaping (KeyLookup) -> Void) {
        digests.count > 1 ? lookUp(Array(digests.dropFirst()), fresh: fresh, reply: reply) : reply(.unknown)
    }

    private func answer(_ digest: String, _ lookup: KeyLookup) {
        for waiter in waiters.removeValue(forKey: digest) ?? [] { waiter(lookup) }
    }

    private func noteUnknown(_ digest: String) {
        if unknown.count >= Self.unknownMax { unknown.removeAll(keepingCapacity: true) }
        unknown[digest] = limiter.reactor.nowMs + Self.unknownMs
    }

    private func take(_ result: Result<RESPValue, RedisError>, _ digest: String) -> KeyLookup {
        guard case .success(let value) = result else { return .unavailable }
        records[digest] = nil
        guard value != .null else { return .unknown }
        // A record nobody can read is a fault of the gateway, not a key that does not exist.
        guard let text = value.string, let record = try? JSONDecoder().decode(KeyRecord.self, from: Data(text.utf8))
        else { return .unavailable }
        if records.count >= Self.recordsMax { records.removeAll(keepingCapacity: true) }
        let caller = Caller(record)
        records[digest] = caller
        return .found(caller)
    }
}

extension Result<RESPValue, RedisError> {
    fileprivate var isOne: Bool { if case .success(let value) = self { value.integer == 1 } else { false } }
}
