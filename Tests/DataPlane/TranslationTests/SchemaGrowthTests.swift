import GatewayModel
import JSONScan
import PlaneContract
import ProviderResponses
import Testing
import Translation

/// References are expanded for vendors without them: a small schema may describe an unlimited one.
@Suite struct SchemaGrowthTests {
    /// A tool's schema as sent to Gemini.
    private func cleaned(_ schema: String) throws -> [UInt8] {
        let body = Array(
            #"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":\#(schema)}}]}"#
                .utf8)
        let dialect = Dialect.named(.geminiCompatible)
        let model = ModelEntry(
            name: "m", vendor: "v", kind: "chat", created: 0, contextWindow: nil, maxOutputTokens: 64, vision: true,
            tools: true,
            wantsMaxCompletionTokens: false, firstEventMs: 1, idleMs: 1, prices: [])
        let request = ClientRequest(
            operation: .chat, body: body, members: try JSONScanner.members(of: body), streams: false, choices: 1,
            traits: [])
        let made = try Translator(dialect: dialect, model: model, upstreamModel: "m").body(of: request, outputTokens: 9)
        _ = try JSONScanner.members(of: made)
        return made
    }

    private func list(_ count: Int, _ item: (Int) -> String) -> String { (0..<count).map(item).joined(separator: ",") }

    private let freeBytes = 64 << 10

    @Test("definitions that double each other")
    func doubling() throws {
        let definitions = list(25) { at in
            ##""d\##(at)":{"type":"object","properties":{"a":{"$ref":"#/$defs/d\##(at + 1)"},"b":{"$ref":"#/$defs/d\##(at + 1)"}}}"##
        }
        let schema = ##"{"$ref":"#/$defs/d0","$defs":{\##(definitions),"d25":{"type":"string"}}}"##
        // An object takes a few dozen bytes; there are at most 5,000.
        #expect(try cleaned(schema).count < 5_000 * 64)
    }

    @Test("one long text in many places")
    func long() throws {
        let text = String(repeating: "x", count: 50_000)
        let schema =
            ##"{"type":"object","properties":{\##(list(2_000) { ##""p\##($0)":{"$ref":"#/$defs/a"}"## })},"$defs":{"a":{"type":"string","description":"\##(text)"}}}"##
        #expect(try cleaned(schema).count < 10 * schema.utf8.count + 3 * freeBytes)
    }

    @Test("one merged many times")
    func merged() throws {
        let properties = list(500) { #""p\#($0)":{"type":"string"}"# }
        let schema =
            ##"{"allOf":[\##(list(500) { _ in ##"{"$ref":"#/$defs/a"}"## })],"$defs":{"a":{"properties":{\##(properties)}}}}"##
        #expect(try cleaned(schema).count < schema.utf8.count + freeBytes)
    }

    @Test("an ordinary schema is written out whole, however its references are spelt")
    func ordinary() throws {
        let properties = ##""a":{"$ref":"#/$defs/x~1y~0z"},"b":{"$ref":"#/definitions/q/properties/r"}"##
        let definitions =
            #""$defs":{"x/y~z":{"type":"string"}},"definitions":{"q":{"properties":{"r":{"type":"integer"}}}}"#
        let schema = #"{"type":"object","properties":{\#(properties)},"required":["b","c"],\#(definitions)}"#
        let text = String(decoding: try cleaned(schema), as: UTF8.self)
        #expect(
            text.contains(#""properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["b"]"#), "\(text)")
    }
}
