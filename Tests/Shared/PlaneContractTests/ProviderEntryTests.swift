import Foundation
import PlaneContract
import Testing

@Suite struct ProviderEntryTests {
    @Test("a snapshot from before API versions still loads")
    func old() throws {
        let old = #"{"id":"p","dialect":"openai","baseURL":"https://a/v1","allowedNetworks":[]}"#
        let entry = try JSONDecoder().decode(ProviderEntry.self, from: Data(old.utf8))
        #expect(entry == ProviderEntry(id: "p", dialect: "openai", baseURL: "https://a/v1", allowedNetworks: []))
        #expect(entry.apiVersion == nil)
    }
}
