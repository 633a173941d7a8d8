import Foundation
import GatewayModel
import JSONScan
import PlaneContract
import Testing
import Translation

/// Files of `Vectors`: an input and, next to it as `….out`, the exact expected output.
///
/// The number before a name is that of the list of cases every adapter needs (plain text is 1, an empty stream 26). To
/// accept changed output, run with `AIHUB_WRITE_VECTORS=1` and review the diff.
enum Vectors {
    struct File: CustomTestStringConvertible, Sendable {
        let url: URL

        var bytes: [UInt8] { get throws { Array(try Data(contentsOf: url)) } }
        var folder: String { url.deletingLastPathComponent().lastPathComponent }
        var name: String { url.deletingPathExtension().lastPathComponent }
        var testDescription: String { "\(folder)/\(name)" }

        /// Compares with the file of expected output.
        func check(_ out: String, _ location: SourceLocation = #_sourceLocation) throws {
            let expected = url.deletingPathExtension().appendingPathExtension("out")
            if ProcessInfo.processInfo.environment["AIHUB_WRITE_VECTORS"] != nil {
                return try Data(out.utf8).write(to: expected)
            }
            #expect(out == String(decoding: try Data(contentsOf: expected), as: UTF8.self), sourceLocation: location)
        }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Vectors")

    static func files(_ kind: String, _ type: String) -> [File] {
        let names = FileManager.default.enumerator(at: root.appending(path: kind), includingPropertiesForKeys: nil)
        return (names?.allObjects as? [URL] ?? []).filter { $0.pathExtension == type }
            .sorted { $0.path < $1.path }.map(File.init)
    }

    /// The dialects, in the order of the sections of a file.
    static let dialects = [
        "openai", "azure", "azure-deployments", "mistral", "groq", "deepseek", "xai", "together", "openrouter", "qwen",
        "ollama", "vllm", "llamacpp", "gemini-compat", "anthropic",
    ]

    static let identity = ResponseIdentity(RequestID(milliseconds: 0, random: (1, 2)), wallMs: 1_760_000_000_000)

    static func dialect(_ name: String) throws -> Dialect { .named(try #require(DialectName(rawValue: name))) }

    static func translator(_ dialect: String, model: String = "m") throws -> Translator {
        let entry = ModelEntry(
            name: model, vendor: "v", kind: "chat", created: 0, contextWindow: nil, maxOutputTokens: 64_000,
            vision: true, tools: true, wantsMaxCompletionTokens: model == "reasoner", firstEventMs: 1, idleMs: 1,
            prices: [])
        return Translator(dialect: try self.dialect(dialect), model: entry, upstreamModel: model)
    }
}

/// A request parsed as far as translators need it.
struct GivenRequest {
    let request: ClientRequest
    let model: String
    let outputTokens: Int64?

    init(_ body: [UInt8], operation: GatewayModel.Operation = .chat) throws {
        let members = try JSONScanner.members(of: body)
        var traits: MessageTraits = []
        var streams = false
        var choices: Int64 = 1
        var model = "m"
        var limits: [Int64?] = [nil, nil]
        body.withJSON { bytes in
            for member in members {
                let value = JSONView(bytes, member.value)
                switch String(decoding: bytes[member.name], as: UTF8.self) {
                case "model": model = value.string ?? "m"
                case "stream": streams = value.bool ?? false
                case "n": choices = value.integer ?? 1
                case "max_completion_tokens": limits[0] = value.integer
                case "max_tokens": limits[1] = value.integer
                case "messages":
                    for message in value.elements {
                        var members = message.members
                        while let (name, value) = members.next() { traits.record(name, value) }
                        for part in message["content"].map({ Array($0.elements) }) ?? [] {
                            if ContentPart.hasUnknownMembers(part) { traits.insert(.nonstandardParts) }
                            if part["type"]?.isText("file") == true { traits.insert(.files) }
                        }
                    }
                default: break
                }
            }
        }
        self.model = model
        outputTokens = limits[0] ?? limits[1]
        request = ClientRequest(
            operation: operation, body: body, members: members, streams: streams, choices: choices, traits: traits)
    }
}
