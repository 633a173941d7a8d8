import Postgres
import Testing

@Suite struct FunctionFileTests {
    private let file = FunctionFile(name: "usd.sql", revision: 3, sql: "select 1", checksum: "new")

    @Test("reads the revision of the first line only")
    func revision() {
        #expect(FunctionFile.revision("-- revision: 12\nselect 1;") == 12)
        #expect(FunctionFile.revision("select 1;\n-- revision: 12") == nil)
        #expect(FunctionFile.revision("-- revision: 0\n") == nil)
        #expect(FunctionFile.revision("-- revision: two\n") == nil)
        #expect(FunctionFile.revision("") == nil)
    }

    @Test("is replayed where it is missing or older, and leaves a newer one alone")
    func newer() throws {
        #expect(try file.isNewer(than: nil))
        #expect(try file.isNewer(than: (2, "old")))
        #expect(try !file.isNewer(than: (3, "new")))
        #expect(try !file.isNewer(than: (4, "newest")))
    }

    @Test("another text of the same revision is refused")
    func changed() {
        #expect(throws: FunctionFileError.changed(name: "usd.sql")) { try file.isNewer(than: (3, "other")) }
    }
}
