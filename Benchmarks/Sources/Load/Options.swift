import Sockets

/// What to ask and how: `bench-load closed|rate|streams --port N [--name value]…`.
struct Options {
    enum Mode: String { case closed, rate, streams }

    var mode = Mode.closed
    var port: UInt16 = 0
    var path = "/v1/chat/completions"
    var model = "bench"
    var key = "none"
    /// Bytes of the JSON body; 0 asks with GET.
    var body = 1024
    var connections = 16
    /// Requests a second in mode `rate`.
    var rate = 1000
    /// Time before measuring begins, in which streams are opened one after the other, and time measured.
    var warmup = 1.0
    var seconds = 5.0
    /// The status every answer must have.
    var expect = 200
    /// Statuses that are no errors either, but counted apart: what an overloaded server refuses with.
    var sheds: [Int] = []
    /// A file with a key a line, sent one after the other instead of `key`; all of one length.
    var keys: [String] = []
    /// The first of our addresses, 127.0.0.this and on: two loads with different ones are different callers.
    var from = 1

    init?(_ arguments: [String]) {
        guard let word = arguments.first, let mode = Mode(rawValue: word), arguments.count % 2 == 1 else { return nil }
        self.mode = mode
        for at in stride(from: 1, to: arguments.count, by: 2) {
            let value = arguments[at + 1]
            switch arguments[at] {
            case "--port": port = UInt16(value) ?? 0
            case "--path": path = value
            case "--model": model = value
            case "--key": key = value
            case "--body": body = Int(value) ?? body
            case "--connections": connections = Int(value) ?? connections
            case "--rate": rate = Int(value) ?? rate
            case "--warmup": warmup = Double(value) ?? warmup
            case "--seconds": seconds = Double(value) ?? seconds
            case "--expect": expect = Int(value) ?? expect
            case "--sheds": sheds = value.split(separator: ",").compactMap { Int($0) }
            case "--keys": keys = lines(of: value)
            case "--from": from = Int(value) ?? from
            default: return nil
            }
        }
    }

    /// The requests to send, in turn.
    var requests: [[UInt8]] { keys.isEmpty ? [request(key)] : keys.map(request) }

    /// The request as it goes on the wire: a conversation of 2 KB messages, as long as the body is to be.
    private func request(_ key: String) -> [UInt8] {
        let head = "Host: 127.0.0.1\r\nAuthorization: Bearer \(key)\r\nUser-Agent: bench-load\r\nAccept: */*\r\n"
        guard body > 0 else { return Array("GET \(path) HTTP/1.1\r\n\(head)\r\n".utf8) }
        let stream = mode == .streams ? #""stream":true,"stream_options":{"include_usage":true},"# : ""
        let start = #"{"model":"\#(model)",\#(stream)"max_tokens":16,"messages":[{"role":"user","content":""#
        let end = #""}]}"#
        let seam = #""},{"role":"assistant","content":""#
        let sentence = Array(#"A line of \"ordinary\" words, as people write them,\nquoted and broken. "#.utf8)
        var json = Array(start.utf8)
        var message = 0
        while json.count < body - end.utf8.count {
            let room = body - end.utf8.count - json.count
            if message > 2_000, room > seam.utf8.count {
                json += Array(seam.utf8)
                message = 0
            } else {
                json += room < sentence.count ? Array(repeating: UInt8(ascii: "."), count: room) : sentence
                message += sentence.count
            }
        }
        json += Array(end.utf8)
        let fields = "\(head)Content-Type: application/json\r\nContent-Length: \(json.count)\r\n\r\n"
        return Array("POST \(path) HTTP/1.1\r\n\(fields)".utf8) + json
    }
}
