package import GatewayModel

/// A complete answer as its first client received it, to be served again.
package struct CachedResponse: Sendable, Equatable {
    /// Increments when the encoding below changes; answers of another format are not found.
    static let format: UInt8 = 1
    /// Maximum bytes of a body, or of a stream's events. Larger answers are not stored.
    package static let contentBytesMax = 1 << 20
    /// Maximum bytes of everything but the content: names, numbers and seal.
    static let overheadBytesMax = 4_096
    package static let sealedBytesMax = contentBytesMax + overheadBytesMax
    /// The maximum lifetime of any answer.
    package static let lifetimeMsMax: Int64 = 86_400_000

    /// Whether `content` is a stream's events as sent, without comments between them and without the final `[DONE]`;
    /// otherwise it is a body.
    package var isStream: Bool
    package var content: [UInt8]
    /// When the answer was complete, in milliseconds since 1970 UTC.
    package var madeMs: Int64
    package var lifetimeMs: Int64
    /// What the original request was charged.
    package var cost: NanoUSD
    package var priceID: Int64
    /// The model name the provider reported, or the deployment's upstream name where it reported none; at most
    /// `UsageEvent.modelBytesMax` bytes.
    package var model: String
    /// The ID of the deployment that answered.
    package var deployment: String

    package init(
        isStream: Bool, content: [UInt8], madeMs: Int64, lifetimeMs: Int64, cost: NanoUSD, priceID: Int64,
        model: String,
        deployment: String
    ) {
        self.isStream = isStream
        self.content = content
        self.madeMs = madeMs
        self.lifetimeMs = lifetimeMs
        self.cost = cost
        self.priceID = priceID
        self.model = model
        self.deployment = deployment
    }

    /// The answer's age. Workers' clocks differ: an answer from the future is new.
    package func ageMs(at now: Int64) -> Int64 { max(0, now.subtractingReportingOverflow(madeMs).partialValue) }

    /// Whether the answer may still be served, by its own lifetime and the oldest age its reader accepts. Redis expires
    /// old answers, but is not trusted to.
    package func isFresh(at now: Int64, ageMsMax: Int64) -> Bool { ageMs(at: now) < min(lifetimeMs, ageMsMax) }
}

extension CachedResponse {
    /// The plaintext that is sealed: `format u8 · stream u8 · made i64 · lifetime i64 · cost i64 · price i64`, then
    /// model, deployment and content, each as `length u32 · bytes`. Numbers are little-endian.
    var bytes: [UInt8] {
        var out: [UInt8] = [Self.format, isStream ? 1 : 0]
        out.reserveCapacity(content.count + 128)
        for number in [madeMs, lifetimeMs, cost.nano, priceID] {
            withUnsafeBytes(of: number.littleEndian) { out.append(contentsOf: $0) }
        }
        for field in [Array(model.utf8), Array(deployment.utf8), content] {
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: field.count).littleEndian) { out.append(contentsOf: $0) }
            out += field
        }
        return out
    }

    /// Decodes `bytes`; `nil` when they are not exactly one answer.
    init?(bytes: [UInt8]) {
        var reader = EntryReader(bytes: bytes)
        guard reader.byte() == Self.format, let kind = reader.byte(), kind <= 1, let made = reader.number(),
            let lifetime = reader.number(), (0...Self.lifetimeMsMax).contains(lifetime), let cost = reader.number(),
            cost >= 0, let price = reader.number(), let model = reader.field(), let deployment = reader.field(),
            let content = reader.field(), reader.isAtEnd, content.count <= Self.contentBytesMax
        else { return nil }
        self.init(
            isStream: kind == 1, content: Array(content), madeMs: made, lifetimeMs: lifetime, cost: NanoUSD(cost),
            priceID: price, model: String(decoding: model, as: UTF8.self),
            deployment: String(decoding: deployment, as: UTF8.self))
    }
}

/// Reads an encoded answer front to back.
private struct EntryReader {
    let bytes: [UInt8]
    private var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= bytes.count - at else { return nil }
        defer { at += count }
        return bytes[at..<at + count]
    }

    mutating func byte() -> UInt8? { take(1)?.first }

    mutating func number() -> Int64? {
        take(8).map { $0.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) } }.map { Int64(bitPattern: $0) }
    }

    mutating func field() -> ArraySlice<UInt8>? {
        guard let length = take(4) else { return nil }
        return take(Int(length.reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }))
    }
}
