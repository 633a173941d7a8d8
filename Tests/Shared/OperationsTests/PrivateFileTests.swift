import Foundation
import Operations
import Testing

@Suite struct PrivateFileTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "private-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func mode(_ path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions] as? Int
    }

    @Test("a file is its owner's alone, and replaces the one before as a whole")
    func replaces() throws {
        let path = folder + "/secret"
        try PrivateFile.write("first", to: path)
        try PrivateFile.write("second", to: path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "second" && mode(path) == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["secret"])
    }

    @Test("what a crash left beside it, open to all, is not written into")
    func leftBeside() throws {
        let path = folder + "/secret"
        let handle = try opened(path + ".new")
        try PrivateFile.write("secret", to: path)
        #expect(try handle.readToEnd() ?? Data() == Data(), "the file that others may have open is another one")
        #expect(mode(path) == 0o600)
    }

    private func opened(_ path: String) throws -> FileHandle {
        _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o666])
        return try #require(FileHandle(forReadingAtPath: path))
    }

    @Test("where nothing can be written, what stood there stays")
    func fails() throws {
        #expect(throws: PrivateFile.WriteError.self) { try PrivateFile.write("x", to: folder + "/missing/secret") }
        let path = folder + "/secret"
        try PrivateFile.write("old", to: path)
        // A directory in place of the temporary file cannot be unlinked.
        try FileManager.default.createDirectory(atPath: path + ".new", withIntermediateDirectories: true)
        #expect(throws: PrivateFile.WriteError.self) { try PrivateFile.write("new", to: path) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    }

    @Test("a secret that stands is left alone")
    func secret() throws {
        let path = folder + "/pepper"
        try PrivateFile.makeSecret(at: path)
        let first = try String(contentsOfFile: path, encoding: .utf8)
        try PrivateFile.makeSecret(at: path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == first && first.hasPrefix("1:"))
    }
}
