import Sockets

/// Serves every request by the script in its model's name. A connection carries one request at a time; whatever breaks
/// that, or stops reading, is closed, and the load generator counts an error.
final class Server {
    /// The head of a request and the start of its body, where model and stream stand, are kept; the rest is counted.
    private static let keptMax = 8_192

    private struct Connection {
        var kept: [UInt8] = []
        /// Body bytes to come; nil while the head is incomplete.
        var bodyLeft: Int?
        var stream: Stream?
        /// Rises with each accept, so that a timer of an earlier connection of this number is recognised.
        var generation = 0
    }

    private struct Stream {
        var script: Script
        var left: Int
        var wantsUsage: Bool
    }

    private let poller = Poller()
    private let listener: Int32
    private var connections: [Connection] = []
    private var timers = Timers()
    private var scripts: [[UInt8]: Script] = [:]
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)

    init?(port: UInt16) {
        guard let listener = listen(on: port) else { return nil }
        self.listener = listener
        poller.add(listener)
    }

    func run() -> Never {
        while true {
            poller.wait(until: timers.next ?? .max) { $0 == listener ? acceptAll() : receive($0) }
            while let due = timers.take(at: now()) { advance(due) }
        }
    }

    private func acceptAll() {
        while let socket = accept(from: listener) {
            while connections.count <= Int(socket) { connections.append(Connection()) }
            connections[Int(socket)] = Connection(generation: connections[Int(socket)].generation + 1)
            poller.add(socket)
        }
    }

    private func end(_ socket: Int32) {
        connections[Int(socket)].generation += 1
        connections[Int(socket)].stream = nil
        close(socket)
    }

    private func receive(_ socket: Int32) {
        let at = Int(socket)
        while true {
            let count: Int
            switch read(socket, into: scratch) {
            case .bytes(let moved): count = moved
            case .later: return
            case .closed: return end(socket)
            }
            keep(UnsafeRawBufferPointer(rebasing: scratch[..<count]), &connections[at])
            if let left = connections[at].bodyLeft, left <= 0 {
                return left == 0 && connections[at].stream == nil ? answer(socket) : end(socket)
            }
            if count < scratch.count { return }
        }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer, _ connection: inout Connection) {
        let room = max(0, Self.keptMax - connection.kept.count)
        connection.kept.append(contentsOf: bytes.prefix(room))
        if let left = connection.bodyLeft {
            connection.bodyLeft = left - bytes.count
        } else if let left = Self.bodyLeft(connection.kept) {
            connection.bodyLeft = left - max(0, bytes.count - room)
        } else if room == 0 {
            connection.bodyLeft = -1
        }
    }

    private static func bodyLeft(_ received: [UInt8]) -> Int? {
        received.withUnsafeBytes { bytes in
            guard let end = bytes.find("\r\n\r\n") else { return nil }
            let head = UnsafeRawBufferPointer(rebasing: bytes[..<(end + 2)])
            return end + 4 + (head.header("\r\ncontent-length:") ?? 0) - bytes.count
        }
    }

    private func answer(_ socket: Int32) {
        let kept = connections[Int(socket)].kept
        connections[Int(socket)].kept.removeAll(keepingCapacity: true)
        connections[Int(socket)].bodyLeft = nil
        let script = kept.withUnsafeBytes(script)
        guard kept.withUnsafeBytes({ $0.find(#""stream":true"#) }) != nil else { return send(script.answer, socket) }
        let wantsUsage = kept.withUnsafeBytes { $0.find(#""include_usage":true"#) } != nil
        connections[Int(socket)].stream = Stream(script: script, left: script.count, wantsUsage: wantsUsage)
        send(script.streamHead, socket)
        advance(Timers.Due(at: now(), socket: socket, generation: connections[Int(socket)].generation))
    }

    private func script(_ request: UnsafeRawBufferPointer) -> Script {
        let mark: StaticString = #""model":""#
        let start = (request.find(mark) ?? request.count - mark.utf8CodeUnitCount) + mark.utf8CodeUnitCount
        let name = Array(request[start...].prefix { $0 != UInt8(ascii: "\"") })
        if let known = scripts[name] { return known }
        let made = Script(model: String(decoding: name, as: UTF8.self))
        scripts[name] = made
        return made
    }

    /// Sends a stream's next chunk with the time of sending inside, or its end.
    private func advance(_ due: Timers.Due) {
        let at = Int(due.socket)
        guard connections[at].generation == due.generation, let stream = connections[at].stream else { return }
        let script = stream.script
        guard stream.left > 0 else {
            connections[at].stream = nil
            return send(stream.wantsUsage ? script.endWithUsage : script.end, due.socket)
        }
        connections[at].stream?.left -= 1
        script.chunk.withUnsafeBytes { scratch.copyMemory(from: $0) }
        var stamp = now()
        timers.add(
            Timers.Due(at: stamp + script.gap, socket: due.socket, generation: due.generation), gap: script.gap)
        for place in (script.stampAt..<script.stampAt + Script.stampLength).reversed() {
            scratch[place] = UInt8(48 + stamp % 10)
            stamp /= 10
        }
        send(UnsafeRawBufferPointer(rebasing: scratch[..<script.chunk.count]), due.socket)
    }

    private func send(_ bytes: [UInt8], _ socket: Int32) { bytes.withUnsafeBytes { send($0, socket) } }

    private func send(_ bytes: UnsafeRawBufferPointer, _ socket: Int32) {
        guard case .bytes(bytes.count) = write(socket, bytes) else { return end(socket) }
    }
}
