import Foundation
import Glibc
package import Redis
import Synchronization

/// A server of Redis's protocol on loopback whose replies the test decides.
///
/// It lives until it is stopped. Each connection has a thread, so a reply may block: later commands of that connection wait for it.
package final class RedisPeer: Sendable {
    /// A command as its arguments.
    package struct Command: Sendable {
        package let bytes: [[UInt8]]
        package var words: [String] { bytes.map { String(decoding: $0, as: UTF8.self) } }
        package var name: String { words.first ?? "" }
    }

    /// What the server does about a command.
    package enum Reply: Sendable {
        case ok
        case integer(Int)
        case text(String)
        case bytes([UInt8])
        case null
        case array([Reply])
        case error(String)
        /// These bytes, whatever they mean.
        case raw(String)
        /// Nothing, ever.
        case silence
        case hangUp

        var encoded: [UInt8] {
            switch self {
            case .ok: Array("+OK\r\n".utf8)
            case .integer(let number): Array(":\(number)\r\n".utf8)
            case .text(let text): Self.bytes(Array(text.utf8)).encoded
            case .bytes(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
            case .null: Array("$-1\r\n".utf8)
            case .array(let items): Array("*\(items.count)\r\n".utf8) + items.flatMap(\.encoded)
            case .error(let message): Array("-\(message)\r\n".utf8)
            case .raw(let text): Array(text.utf8)
            case .silence, .hangUp: []
            }
        }
    }

    package typealias Answer = @Sendable (Command) -> Reply

    private struct State {
        var commands: [Command] = []
        var connections: Set<Int32> = []
        var accepted = 0
        var answer: Answer
    }

    package let port: Int
    private let listener: Int32
    private let state: Mutex<State>

    package init(_ answer: @escaping Answer) {
        state = Mutex(State(answer: answer))
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        precondition(isListening, "no port on loopback")
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                state.withLock {
                    $0.connections.insert(connection)
                    $0.accepted += 1
                }
                Thread.detachNewThread { self.serve(connection) }
            }
        }
    }

    package var endpoint: RedisEndpoint { RedisEndpoint(host: "127.0.0.1", port: port) }
    /// All commands so far, over all connections.
    package var commands: [Command] { state.withLock { $0.commands } }
    /// Connections accepted so far.
    package var accepted: Int { state.withLock { $0.accepted } }

    /// Commands of this name so far.
    package func commands(_ name: String) -> [[String]] { commands.map(\.words).filter { $0.first == name } }

    /// Calls of this function of the limiter so far, without the name and the count of keys.
    package func calls(_ function: String) -> [[String]] {
        commands("FCALL").filter { $0[1] == function }.map { Array($0.dropFirst(3)) }
    }

    /// Replies like this from now on.
    package func answer(_ answer: @escaping Answer) { state.withLock { $0.answer = answer } }

    /// Cuts all connections; new ones are accepted.
    package func cut() {
        for connection in state.withLock({ $0.connections }) { shutdown(connection, Int32(SHUT_RDWR)) }
    }

    /// Cuts all connections and accepts no more.
    package func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        cut()
    }

    private func serve(_ connection: Int32) {
        var input: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        reading: while true {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { break }
            input += buffer[..<count]
            while let command = Self.command(&input) {
                let answer = state.withLock {
                    $0.commands.append(command)
                    return $0.answer
                }
                let reply = answer(command)
                if case .hangUp = reply { break reading }
                let bytes = reply.encoded
                guard bytes.isEmpty || send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 else {
                    break reading
                }
            }
        }
        _ = state.withLock { $0.connections.remove(connection) }
        close(connection)
    }

    /// Takes one whole command from the front: an array of bulk strings.
    private static func command(_ input: inout [UInt8]) -> Command? {
        var at = 0
        func number() -> Int? {
            guard let end = input[at...].firstIndex(of: UInt8(ascii: "\r")), end + 1 < input.count else { return nil }
            defer { at = end + 2 }
            return Int(String(decoding: input[(at + 1)..<end], as: UTF8.self))
        }
        guard !input.isEmpty, let count = number() else { return nil }
        var arguments: [[UInt8]] = []
        for _ in 0..<count {
            guard at < input.count, let length = number(), at + length + 2 <= input.count else { return nil }
            arguments.append(Array(input[at..<(at + length)]))
            at += length + 2
        }
        input.removeFirst(at)
        return Command(bytes: arguments)
    }
}
