import Admission
import Foundation
import GatewayModel
import Journal
import TestPeers
import Testing

@Suite struct WorkerCommandTests {
    @Test("without its settings the worker does not start, and names all that are missing")
    func missing() async throws {
        let worker = try Program("aihub-worker")
        #expect(await worker.exitStatus() == 64)
        for name in ["PEPPER_FILE", "SEAL_KEY_FILE", "STATE_FOLDER"] {
            #expect(await eventually { worker.text.contains("AIHUB_WORKER_\(name) is required") })
        }
    }

    @Test("prints a journal, one request a line, or an object a line")
    func journal() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "worker-\(UUID().uuidString)").path
        let journals = try JournalFolder(folder, boot: "w", segmentBytes: 1 << 20, log: RecordedLog().logger)
        let journal = journals.journal("loop0")
        journals.start()
        for id in ["r1", "r2"] {
            journal.write(
                JournalRecord(
                    .ended,
                    SettleRequest(
                        id: id, scopes: ScopeSet(keyID: "k", orgID: "o"), target: .settled, cost: NanoUSD(5), tokens: 1,
                        event: Array("{}".utf8), periods: "1/1,1/1", refundsRequest: false), generation: "7",
                    admittedMs: 0))
        }
        let file = folder + "/w/loop0-00000001.j"
        let text = try Program("aihub-worker", ["journal", file])
        #expect(await text.exitStatus() == 0)
        #expect(await eventually { text.text.contains("r1") && text.text.contains("r2") })
        let json = try Program("aihub-worker", ["journal", file, "--json"])
        #expect(await json.exitStatus() == 0)
        #expect(await eventually { json.text.split(separator: "\n").count { $0.hasPrefix("{") } == 2 })
        journals.stop(removing: true)
    }

    @Test("a file that is no journal is an error of the data (sysexits.h, EX_DATAERR)")
    func noJournal() async throws {
        let program = try Program("aihub-worker", ["journal", "/none"])
        #expect(await program.exitStatus() == 65)
        #expect(await eventually { program.text.hasPrefix("aihub-worker: ") })
    }
}
