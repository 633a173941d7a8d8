package import Admission
internal import FoundationEssentials
internal import GatewayModel
internal import PlaneContract

/// One record of the journal: how to settle a request as far as is known, or which requests are done.
///
/// A request's last record counts.
///
/// On disk: `marker u32 · payload length u32 · checksum u64 · payload`, padded to eight bytes, numbers little-endian.
/// Payload: `kind u8 · target u8 · flags u8 · cost i64 · tokens i64 · admitted i64`, then id, key, org, periods,
/// generation and event, each as `length u32 · bytes`, and the pool, if any, in the same form. Flags: 1 gives the
/// request's unit back, 2 keeps that unit counted in the minute.
package struct JournalRecord: Sendable {
    package enum Kind: UInt8, Sendable {
        /// Admitted or running: if no further record follows, the request was interrupted and is charged this.
        case running = 1
        /// Ended: the charge is final.
        case ended = 2
        /// Done: `event` has the ids of requests whose records are no longer needed, joined by commas.
        case done = 3
    }

    package var kind: Kind
    package var request: SettleRequest
    /// The generation of the shard's counters the request is held or to be settled in.
    package var generation: String
    /// When it was admitted, by Redis's clock, in milliseconds since 1970 UTC: the event of a running record was made
    /// before that was known.
    package var admittedMs: Int64

    package init(_ kind: Kind, _ request: SettleRequest, generation: String, admittedMs: Int64) {
        self.kind = kind
        self.request = request
        self.generation = generation
        self.admittedMs = admittedMs
    }

    /// The most ids in one `done` record: with their commas they stay below `payloadBytesMax`.
    static let doneMax = 1_000

    /// A record that these requests are done: they are neither adopted nor sent again.
    static func done(_ ids: some Collection<String>) -> JournalRecord {
        JournalRecord(
            .done,
            SettleRequest(
                id: "", scopes: ScopeSet(keyID: "", orgID: ""), target: .settled, cost: .zero, tokens: 0,
                event: Array(ids.joined(separator: ",").utf8), periods: "", refundsRequest: false),
            generation: "", admittedMs: 0)
    }

    var doneIDs: [String] { String(decoding: request.event, as: UTF8.self).split(separator: ",").map(String.init) }

    /// How to settle the request if no further record follows.
    package var settlement: SettleRequest {
        guard kind == .running, var event = try? JSONDecoder().decode(UsageEvent.self, from: Data(request.event)) else {
            return request
        }
        event.admittedMs = admittedMs
        var request = request
        request.event = event.json
        return request
    }

    static let marker: UInt32 = 0x4c4e_524a
    static let headerBytes = 16
    private static let fixedBytes = 27
    /// Far above any event: a larger length means damage.
    static let payloadBytesMax = 64 << 10

    var payloadBytes: Int {
        Self.fixedBytes + 6 * 4 + request.id.utf8.count + request.scopes.keyID.utf8.count
            + request.scopes.orgID.utf8.count
            + request.periods.utf8.count + generation.utf8.count + request.event.count
            + (request.scopes.pool.map { 4 + $0.utf8.count } ?? 0)
    }

    /// Bytes the record takes in a segment, padding included.
    package var bytes: Int { (Self.headerBytes + payloadBytes + 7) & ~7 }

    /// Writes the whole record, the marker last, so that a partial record is not taken for one.
    package func write(to target: UnsafeMutableRawPointer) {
        var at = Self.headerBytes
        func byte(_ value: UInt8) {
            target.storeBytes(of: value, toByteOffset: at, as: UInt8.self)
            at += 1
        }
        func number(_ value: Int64) {
            target.storeBytes(of: value.littleEndian, toByteOffset: at, as: Int64.self)
            at += 8
        }
        func text(_ bytes: UnsafeBufferPointer<UInt8>) {
            target.storeBytes(of: UInt32(bytes.count).littleEndian, toByteOffset: at, as: UInt32.self)
            at += 4
            if let base = bytes.baseAddress { (target + at).copyMemory(from: base, byteCount: bytes.count) }
            at += bytes.count
        }
        byte(kind.rawValue)
        byte(request.target.rawValue.utf8.first ?? 0)
        byte((request.refundsRequest ? 1 : 0) | (request.countsInMinute ? 2 : 0))
        number(request.cost.nano)
        number(request.tokens)
        number(admittedMs)
        for string in [request.id, request.scopes.keyID, request.scopes.orgID, request.periods, generation] {
            var string = string
            string.withUTF8 { text($0) }
        }
        request.event.withUnsafeBufferPointer { text($0) }
        if var pool = request.scopes.pool { pool.withUTF8 { text($0) } }
        let length = at - Self.headerBytes
        let checksum = Self.checksum(UnsafeRawBufferPointer(start: target + Self.headerBytes, count: length))
        target.storeBytes(of: UInt32(length).littleEndian, toByteOffset: 4, as: UInt32.self)
        target.storeBytes(of: checksum.littleEndian, toByteOffset: 8, as: UInt64.self)
        target.storeBytes(of: Self.marker.littleEndian, toByteOffset: 0, as: UInt32.self)
    }

    /// A checksum against damage, not tampering: eight bytes at a time, multiplied and folded.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = UInt64(bytes.count) &* 0x9e37_79b9_7f4a_7c15
        var at = 0
        func fold(_ word: UInt64) {
            hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
            hash ^= hash >> 29
        }
        while at + 8 <= bytes.count {
            fold(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
            at += 8
        }
        var rest: UInt64 = 0
        while at < bytes.count {
            rest = rest << 8 | UInt64(bytes[at])
            at += 1
        }
        fold(rest)
        return hash
    }

    /// Kind and id, without copying; `nil` when the payload is malformed.
    static func head(of payload: UnsafeRawBufferPointer) -> (kind: Kind, id: UnsafeRawBufferPointer)? {
        guard payload.count >= fixedBytes + 4, let kind = Kind(rawValue: payload[0]) else { return nil }
        let length = Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: fixedBytes, as: UInt32.self)))
        guard length <= payload.count - fixedBytes - 4 else { return nil }
        return (kind, UnsafeRawBufferPointer(rebasing: payload[fixedBytes + 4..<fixedBytes + 4 + length]))
    }

    /// - Returns: `nil` when the payload is malformed, which a correct checksum makes unlikely.
    init?(payload: UnsafeRawBufferPointer) {
        guard payload.count >= Self.fixedBytes, let kind = Kind(rawValue: payload[0]),
            let target = SettleRequest.Target(rawValue: String(decoding: [payload[1]], as: UTF8.self))
        else { return nil }
        let cost = Int64(littleEndian: payload.loadUnaligned(fromByteOffset: 3, as: Int64.self))
        let tokens = Int64(littleEndian: payload.loadUnaligned(fromByteOffset: 11, as: Int64.self))
        var fields: [UnsafeRawBufferPointer] = []
        var at = Self.fixedBytes
        // Records of requests without a pool end after the sixth field.
        while fields.count < 6 || fields.count == 6 && at < payload.count {
            guard at + 4 <= payload.count else { return nil }
            let length = Int(UInt32(littleEndian: payload.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            at += 4
            guard length <= payload.count - at else { return nil }
            fields.append(UnsafeRawBufferPointer(rebasing: payload[at..<at + length]))
            at += length
        }
        let texts = fields.prefix(5).map { String(decoding: $0, as: UTF8.self) }
        let pool = fields.count > 6 ? String(decoding: fields[6], as: UTF8.self) : nil
        self.kind = kind
        generation = texts[4]
        admittedMs = Int64(littleEndian: payload.loadUnaligned(fromByteOffset: 19, as: Int64.self))
        request = SettleRequest(
            id: texts[0], scopes: ScopeSet(keyID: texts[1], orgID: texts[2], pool: pool), target: target,
            cost: NanoUSD(cost),
            tokens: tokens, event: Array(fields[5]), periods: texts[3], refundsRequest: payload[2] & 1 == 1,
            countsInMinute: payload[2] & 2 == 2)
    }
}
