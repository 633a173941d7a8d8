internal import Admission
internal import FoundationEssentials
internal import GatewayModel
internal import PlaneContract

/// One record of a journal as an operator reads it: whose request, in which state, held and charged how much, and when.
/// Its JSON is a line of `aihub-worker journal --json`.
struct JournalLine: Codable, Equatable {
    /// `running`, `settled`, `cancelled`, `reaped`, `abandoned` or `done`.
    var state: String
    var request: String?
    var keyID: String?
    var orgID: String?
    var pool: String?
    var holdNanoUSD: Int64?
    /// Of a running request: what it is charged if nothing more is heard of it.
    var chargeNanoUSD: Int64?
    var tokens: Int64?
    /// By the worker's clock, as its id says.
    var receivedAt: String?
    /// By Redis's clock, which decides the periods it counts in.
    var admittedAt: String?
    var durationMs: Int64?
    var outcome: String?
    var status: Int?
    /// Of a `done` record: the requests whose records are no longer needed.
    var requests: [String]?

    init(_ record: JournalRecord) {
        guard record.kind != .done else {
            state = "done"
            requests = record.doneIDs
            return
        }
        let request = record.request
        state = record.kind == .running ? "running" : "\(request.target)"
        self.request = request.id
        keyID = request.scopes.keyID
        orgID = request.scopes.orgID
        pool = request.scopes.pool
        chargeNanoUSD = request.cost.nano
        tokens = request.tokens
        receivedAt = RequestID.milliseconds(of: request.id).map(Self.time)
        if record.admittedMs > 0 { admittedAt = Self.time(record.admittedMs) }
        guard let event = try? JSONDecoder().decode(UsageEvent.self, from: Data(request.event)) else { return }
        holdNanoUSD = event.hold.nano
        guard record.kind == .ended else { return }
        // The event of an ended request knows it; of a running one, only the record does.
        if admittedAt == nil, event.admittedMs > 0 { admittedAt = Self.time(event.admittedMs) }
        durationMs = event.durationMs
        outcome = event.outcome.rawValue
        status = event.status
    }

    /// `0192f3a4-… settled key key_1 org org_1 hold 0.02 USD charge 0.004 USD admitted 2026-11-28T21:24:10.123Z …`
    var text: String {
        if let requests { return "done \(requests.count): " + requests.joined(separator: " ") }
        let facts: [(name: String, value: String?)] = [
            ("key", keyID), ("org", orgID), ("pool", pool), ("hold", holdNanoUSD.map(Self.usd)),
            ("charge", chargeNanoUSD.map(Self.usd)), ("tokens", tokens.map(String.init)), ("received", receivedAt),
            ("admitted", admittedAt), ("took", durationMs.map { "\($0) ms" }), ("outcome", outcome),
            ("status", status.map(String.init)),
        ]
        return facts.reduce("\(request ?? "-") \(state)") { line, fact in
            fact.value.map { "\(line)  \(fact.name) \($0)" } ?? line
        }
    }

    /// One line of JSON.
    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    private static func usd(_ nano: Int64) -> String { NanoUSD(nano).decimalUSD + " USD" }

    /// RFC 3339 in UTC, to the millisecond.
    static func time(_ milliseconds: Int64) -> String {
        let (year, month, day) = UTCCalendar.date(ofDay: milliseconds / UTCCalendar.dayMs)
        let rest = milliseconds % UTCCalendar.dayMs
        func padded(_ number: Int64, _ digits: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
        }
        let clock = [rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60].map { padded($0, 2) }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(clock.joined(separator: ":"))"
            + ".\(padded(rest % 1_000, 3))Z"
    }
}
