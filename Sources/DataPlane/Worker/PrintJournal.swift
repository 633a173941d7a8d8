internal import ArgumentParser
internal import Foundation
internal import Journal

/// `aihub-worker journal FILE`: shows which requests a live or dead worker has on record.
struct PrintJournal: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "Prints the records of a journal file, one line each; changes nothing.")

    @Argument(help: "A file under AIHUB_WORKER_STATE_FOLDER, such as <boot>/<loop>-00000001.j.") var file: String

    @Flag(help: "Print JSON, one object a line.") var json = false

    func run() throws {
        do {
            let listing = try JournalListing(path: file)
            let lines = json ? try listing.json : listing.text
            FileHandle.standardOutput.write(Data(lines.map { $0 + "\n" }.joined().utf8))
            say(listing.remarks)
        } catch let failure as JournalListing.Failure {
            say([failure.description])
            throw ExitCode(65)
        }
    }

    private func say(_ remarks: [String]) {
        for remark in remarks { FileHandle.standardError.write(Data("aihub-worker: \(remark)\n".utf8)) }
    }
}
