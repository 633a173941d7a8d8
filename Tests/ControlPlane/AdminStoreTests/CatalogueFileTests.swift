import AdminStore
import Foundation
import Testing

/// What a catalogue file may leave out, and what it may not.
@Suite struct CatalogueFileTests {
    private func read(_ text: String) throws -> CatalogueFile {
        try JSONDecoder().decode(CatalogueFile.self, from: Data(text.utf8))
    }

    @Test("every section may be absent: entries that a file does not name are left alone")
    func sections() throws {
        let file = try read("{}")
        #expect(file.providers == nil && file.models == nil && file.deployments == nil && file.aliases == nil)
    }

    @Test("an absent value is not the same as a value: it leaves the stored one")
    func absent() throws {
        let file = try read(#"{"models":[{"name":"m","vendor":"v","max_output_tokens":10}]}"#)
        let model = try #require(file.models?.first)
        #expect(model.cache_seconds == nil && model.vision == nil && model.usd_per_million_tokens == nil)
        let zero = try read(#"{"models":[{"name":"m","vendor":"v","max_output_tokens":10,"cache_seconds":0}]}"#)
        #expect(zero.models?.first?.cache_seconds == 0)
    }

    @Test("money is text, so that no binary fraction comes in")
    func money() throws {
        let price =
            #"{"models":[{"name":"m","vendor":"v","max_output_tokens":1,"usd_per_million_tokens":{"input":"0.1","output":"0.3"}}]}"#
        #expect(try read(price).models?.first?.usd_per_million_tokens?.input == "0.1")
        #expect(throws: DecodingError.self) { try read(price.replacingOccurrences(of: "\"0.1\"", with: "0.1")) }
    }

    @Test(
        "what identifies an entry is required",
        arguments: [
            #"{"providers":[{"id":"p"}]}"#, #"{"models":[{"name":"m","vendor":"v"}]}"#,
            #"{"deployments":[{"id":"d","model":"m"}]}"#, #"{"aliases":[{"name":"a"}]}"#,
            #"{"aliases":[{"name":"a","candidates":[{"rank":1}]}]}"#,
        ])
    func required(text: String) { #expect(throws: DecodingError.self) { try read(text) } }
}
