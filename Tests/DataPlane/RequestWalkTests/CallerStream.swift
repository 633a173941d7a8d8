import Foundation

/// The members of a JSON object that the rules need, read with a parser that is not the gateway's.
struct JSONDocument {
    let members: [String: Any]

    init?(_ bytes: some Sequence<UInt8>) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else { return nil }
        members = object
    }

    var model: String? { members["model"] as? String }
    var isError: Bool { members["error"] != nil }
    var hasUsage: Bool { members["usage"] != nil }
    var usage: [String: Any]? { members["usage"] as? [String: Any] }

    /// The text of the first choice's delta or message; `nil` without choices.
    var text: String? {
        guard let choice = (members["choices"] as? [[String: Any]])?.first else { return nil }
        let content = (choice["delta"] ?? choice["message"]) as? [String: Any]
        return content?["content"] as? String ?? ""
    }
}

/// A stream as a client reads it.
struct CallerStream {
    var chunks: [JSONDocument] = []
    /// Chunks with usage and without choices.
    var usages: [JSONDocument] = []
    /// The positions of errors among the events.
    var errors: [Int] = []
    var dones = 0
    var endsWithDone = false
    var garbage = ""
    var count = 0

    init(_ bytes: [UInt8]) {
        for line in bytes.split(separator: UInt8(ascii: "\n")) where !line.starts(with: ": ping".utf8) {
            endsWithDone = line.elementsEqual("data: [DONE]".utf8)
            if endsWithDone { dones += 1 } else { read(line) }
            count += 1
        }
    }

    var hasError: Bool { !errors.isEmpty }

    private mutating func read(_ line: ArraySlice<UInt8>) {
        guard line.starts(with: "data: ".utf8), let document = JSONDocument(line.dropFirst(6)) else {
            garbage += String(decoding: line, as: UTF8.self)
            return
        }
        if document.isError {
            errors.append(count)
        } else if document.text != nil {
            chunks.append(document)
        } else {
            usages.append(document)
        }
    }
}
