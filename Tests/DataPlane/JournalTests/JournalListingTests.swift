import Admission
import Foundation
import GatewayModel
import Journal
import Logging
import PlaneContract
import Testing

/// What `aihub-worker journal` prints.
@Suite struct JournalListingTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "listing-\(UUID().uuidString).j").path
    private static let admitted: Int64 = 1_795_901_050_200
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    /// Made at 2026-11-28T21:24:10.123Z.
    private let id = RequestID(milliseconds: 1_795_901_050_123, random: (7, 9)).text

    private func record(
        _ kind: JournalRecord.Kind, target: SettleRequest.Target = .settled,
        admittedMs: (record: Int64, event: Int64) = (Self.admitted, 0)
    ) -> JournalRecord {
        let event = UsageEvent(
            id: id, keyID: "key_1", orgID: "org_1", loopID: "w", requested: "smart", model: "m", deployment: "d",
            priceID: 1, admittedMs: admittedMs.event, usage: TokenUsage(input: 3, output: 4), usageSource: .provider,
            cost: NanoUSD(4), hold: NanoUSD(20_000_000), outcome: .completed, status: 200, attempts: 1, streamed: false,
            refundsRequest: false,
            firstByteMs: 5, durationMs: 1_234, configVersion: 1, rawUsage: nil)
        let request = SettleRequest(
            id: id, scopes: ScopeSet(keyID: "key_1", orgID: "org_1", pool: "free"), target: target,
            cost: NanoUSD(4_000_000), tokens: 7, event: event.json, periods: "202611/20261128", refundsRequest: false)
        return JournalRecord(kind, request, generation: "3", admittedMs: admittedMs.record)
    }

    /// A file as a worker leaves it: the records, then what was allocated and never written.
    private func bytes(_ records: [JournalRecord], spare: Int = 256) -> [UInt8] {
        var out = JournalSegment.magic
        for record in records {
            var one = [UInt8](repeating: 0, count: record.bytes)
            one.withUnsafeMutableBytes { bytes in if let base = bytes.baseAddress { record.write(to: base) } }
            out += one
        }
        return out + [UInt8](repeating: 0, count: spare)
    }

    private func listing(_ bytes: [UInt8]) throws -> JournalListing {
        try Data(bytes).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try JournalListing(path: path)
    }

    @Test("a line says whose request it is, its state, its money and its times in UTC")
    func lines() throws {
        let found = try listing(bytes([record(.running), record(.ended), record(.ended, target: .cancelled)]))
        #expect(found.remarks.isEmpty)
        let both = "key key_1  org org_1  pool free  hold 0.02 USD  charge 0.004 USD  tokens 7"
        let times = "received 2026-11-28T21:24:10.123Z  admitted 2026-11-28T21:24:10.200Z"
        let end = "took 1234 ms  outcome completed  status 200"
        #expect(
            found.text == [
                "\(id) running  \(both)  \(times)", "\(id) settled  \(both)  \(times)  \(end)",
                "\(id) cancelled  \(both)  \(times)  \(end)",
            ])
    }

    @Test("an ended request was admitted when its event says so")
    func admitted() throws {
        let line = try #require(try listing(bytes([record(.ended, admittedMs: (0, Self.admitted))])).text.first)
        #expect(line.contains("admitted 2026-11-28T21:24:10.200Z"))
    }

    @Test("each line of JSON is an object with the same facts")
    func json() throws {
        struct Line: Decodable {
            var state: String
            var request: String
            var keyID: String
            var holdNanoUSD: Int64
            var chargeNanoUSD: Int64
            var admittedAt: String
        }
        let lines = try listing(bytes([record(.running), record(.ended)])).json
        let read = try lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(read.map(\.state) == ["running", "settled"])
        for line in read {
            #expect(line.request == id && line.keyID == "key_1" && line.admittedAt == "2026-11-28T21:24:10.200Z")
            #expect(line.holdNanoUSD == 20_000_000 && line.chargeNanoUSD == 4_000_000)
        }
    }

    @Test("cut or half written in its last record, all before it is printed, and that the end is torn")
    func torn() throws {
        let whole = bytes([record(.running), record(.ended)], spare: 0)
        let first = JournalSegment.magic.count + record(.running).bytes
        for end in stride(from: first + 1, to: whole.count - 8, by: 7) {
            let cut = try listing(Array(whole[..<end]))
            #expect(cut.text.count == 1 && cut.remarks.count == 1 && cut.remarks[0].contains("from byte \(first) on"))
        }
        // The marker is written last, so a live worker's record may be there without it.
        var unmarked = whole
        for at in first..<first + 4 { unmarked[at] = 0 }
        let found = try listing(unmarked + [UInt8](repeating: 0, count: 64))
        #expect(found.text.count == 1 && found.remarks.count == 1 && found.remarks[0].contains("torn"))
    }

    @Test("a damaged place in the middle is told from a torn end")
    func damaged() throws {
        var file = bytes([record(.running), record(.ended), record(.ended)])
        file[JournalSegment.magic.count + record(.running).bytes + 40] ^= 1
        let found = try listing(file)
        #expect(found.text.count == 2 && found.remarks == ["damaged in 1 places: what stood there is left out"])
    }

    @Test("what is not a journal, and what is not there, is refused by its path")
    func refused() {
        #expect(throws: JournalListing.Failure.notAJournal(path: path)) { try listing(Array("AIHUBJ02 and more".utf8)) }
        #expect(throws: JournalListing.Failure.notAJournal(path: path)) { try listing([]) }
        #expect(throws: JournalListing.Failure.unreadable(path: path)) { try JournalListing(path: path) }
    }

    @Test("what a running worker has written is printed while it holds its lock, and nothing changes")
    func live() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "live-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let worker = try JournalFolder(folder, boot: "boot", segmentBytes: 64 << 10, log: log)
        let journal = worker.journal("loop0")
        worker.start()
        repeat { journal.write(record(.running)) } while journal.isDegraded
        let file = folder + "/boot/loop0-00000001.j"
        let before = try Data(contentsOf: URL(filePath: file))
        let found = try JournalListing(path: file)
        #expect(found.text.count == 1 && found.remarks.isEmpty)
        #expect(try Data(contentsOf: URL(filePath: file)) == before)
        worker.stop(removing: true)
    }
}
