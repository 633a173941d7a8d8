internal import Foundation

/// One file of `sql/functions`: the current text of a function, or of a few that belong together.
///
/// Its first line is `-- revision: N`. Every change of the file raises N, so that of two releases the newer is known.
package struct FunctionFile: Sendable {
    package let name: String
    package let revision: Int
    let sql: String
    let checksum: String

    /// - Returns: `nil` when the name is not that of an SQL file.
    init?(folder: String, name: String, checksum: (String) -> String) throws {
        guard name.hasSuffix(".sql") else { return nil }
        let sql = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
        guard let revision = Self.revision(sql) else { throw FunctionFileError.noRevision(name: name) }
        self.init(name: name, revision: revision, sql: sql, checksum: checksum(sql))
    }

    package init(name: String, revision: Int, sql: String, checksum: String) {
        self.name = name
        self.revision = revision
        self.sql = sql
        self.checksum = checksum
    }

    package static func revision(_ sql: String) -> Int? {
        let mark = "-- revision: "
        guard let line = sql.split(separator: "\n").first, line.hasPrefix(mark) else { return nil }
        return Int(line.dropFirst(mark.count)).flatMap { $0 > 0 ? $0 : nil }
    }

    /// Whether this text has to be replayed on a database that has `recorded`.
    ///
    /// - Throws: `changed` when the same revision was recorded with another text.
    package func isNewer(than recorded: (revision: Int, checksum: String)?) throws(FunctionFileError) -> Bool {
        guard let recorded else { return true }
        if revision == recorded.revision, checksum != recorded.checksum { throw .changed(name: name) }
        return revision > recorded.revision
    }
}

/// Why the files of `sql/functions` cannot be replayed.
package enum FunctionFileError: Error, Equatable, CustomStringConvertible {
    case noFiles(folder: String)
    case noRevision(name: String)
    case changed(name: String)
    case failed(name: String, reason: String)
    case wrongBody(function: String, reason: String)

    package var description: String {
        switch self {
        case .noFiles(let folder): "there are no functions in \(folder)"
        case .noRevision(let name): "functions/\(name) does not begin with a line `-- revision: N`"
        case .changed(let name):
            "functions/\(name) was changed after this revision was replayed here; raise the revision in its first line"
        case .failed(let name, let reason): "functions/\(name) failed and all were rolled back: \(reason)"
        case .wrongBody(let function, let reason):
            "the body of function \(function) is wrong and all were rolled back: \(reason)"
        }
    }
}
