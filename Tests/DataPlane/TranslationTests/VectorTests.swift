import EventStream
import Foundation
import GatewayModel
import JSONScan
import ProviderResponses
import Testing
import Translation

@Suite struct VectorTests {
    @Test("requests become what each vendor takes", arguments: Vectors.files("requests", "json"))
    func requests(file: Vectors.File) throws {
        let given = try GivenRequest(file.bytes.dropLast())
        let dialects = file.folder == "requests" ? Vectors.dialects : [file.folder]
        var out = ""
        for dialect in dialects {
            out += "=== \(dialect)\n"
            do throws(GatewayError) {
                let translator = try Result { try Vectors.translator(dialect, model: given.model) }.get(orFail: dialect)
                let body = try translator.body(of: given.request, outputTokens: given.outputTokens)
                #expect(throws: Never.self) { try JSONScanner.members(of: body) }
                out += String(decoding: body, as: UTF8.self) + "\n"
            } catch {
                out += "refused: \(error.param ?? "-"): \(error.message)\n"
            }
        }
        try file.check(out)
    }

    @Test("answers become chat completions", arguments: Vectors.files("answers", "json"))
    func answers(file: Vectors.File) throws {
        let translator = try Vectors.translator(file.folder)
        guard let answer = translator.response(from: try file.bytes, to: .chat, as: Vectors.identity) else {
            return try file.check("no answer\n")
        }
        if let message = answer.facts.errorMessage { return try file.check("error: \(message)\n") }
        try file.check(String(decoding: answer.body, as: UTF8.self) + "\n\(Self.shown(answer.facts.usage))\n")
    }

    @Test("streams become chunks, wherever their bytes are cut", arguments: Vectors.files("streams", "sse"))
    func streams(file: Vectors.File) throws {
        let bytes = try file.bytes
        let whole = try Self.stream(file.folder, [bytes])
        try file.check(whole)
        for cut in bytes.indices.dropFirst() {
            let parts = [Array(bytes[..<cut]), Array(bytes[cut...])]
            #expect(try Self.stream(file.folder, parts) == whole, "cut at byte \(cut)")
        }
        #expect(try Self.stream(file.folder, bytes.map { [$0] }) == whole, "byte by byte")
    }

    @Test("errors mean what their vendor means by them", arguments: Vectors.files("errors", "txt"))
    func errors(file: Vectors.File) throws {
        let bytes = try file.bytes
        let end = try #require(bytes.firstIndex(of: 0x0a))
        let status = try #require(Int(String(decoding: bytes[..<end], as: UTF8.self)))
        let body = Array(bytes[(end + 1)...])
        let refusal = status == 200 ? ProviderRefusal(inBand: body) : ProviderRefusal(status: status, body: body)
        let wait = refusal.waitMs.map { ", wait \($0) ms" } ?? ""
        let waitInWords = refusal.waitInMessageMs.map { ", its words say \($0) ms" } ?? ""
        try file.check("\(refusal.failure)\(wait)\(waitInWords)\n")
    }

    @Test("there is a file for every case of every kind")
    func complete() {
        let numbers = ["requests", "answers", "streams", "errors"].flatMap { kind in
            ["json", "sse", "txt"].flatMap { Vectors.files(kind, $0) }.compactMap { Int($0.name.prefix(2)) }
        }
        #expect(Set(numbers) == Set(1...26))
    }

    private static func shown(_ usage: ProviderUsage?) -> String {
        guard let tokens = usage?.tokens else { return "no usage" }
        return
            "input \(tokens.input), cache read \(tokens.cacheRead), cache write \(tokens.cacheWrite)+\(tokens.cacheWriteHour), "
            + "output \(tokens.output), reasoning \(tokens.reasoning)"
    }

    /// Feeds a stream to a translator: one line per chunk, then how it ended.
    private static func stream(_ dialect: String, _ parts: [[UInt8]]) throws -> String {
        var parser = EventStreamParser()
        var translator = try Vectors.translator(dialect).stream(of: .chat, as: Vectors.identity)
        var lines: [String] = []
        var usage: ProviderUsage?
        var end: String?
        var hasFinish = false
        func take(_ chunk: ChatChunk) {
            lines.append(String(decoding: chunk.bytes, as: UTF8.self))
            usage = chunk.usage ?? usage
            hasFinish = hasFinish || chunk.hasFinish
        }
        for part in parts {
            try parser.feed(part) { event in
                guard end == nil, !event.data.isEmpty else { return }
                switch translator.translate(event.data) {
                case .nothing: break
                case .chunk(let chunk): take(chunk)
                case .last(let chunk):
                    take(chunk)
                    end = "complete"
                case .done: end = "complete"
                case .failed(let refusal, let detail): end = "failed: \(refusal.failure): \(detail)"
                case .broken(let why): end = "broken: \(why)"
                }
            }
        }
        let state = end ?? (hasFinish ? "ended after its finish" : "ended too early")
        return (lines + [shown(usage), state]).joined(separator: "\n") + "\n"
    }
}

extension Result where Failure == any Error {
    /// The value; a failure becomes a `GatewayError`, as in the gateway.
    func get(orFail what: String) throws(GatewayError) -> Success {
        do { return try get() } catch { throw GatewayError(.upstreamError, "no translator for \(what)") }
    }
}
