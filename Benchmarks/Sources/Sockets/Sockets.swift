import Glibc

/// What a read or write left.
package enum Moved {
    case bytes(Int)
    case later
    case closed
}

/// Port `port` of 127.0.0.`host`; 0 lets Linux choose.
private func loopback(_ port: UInt16, host: UInt32 = 1) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = (0x7f00_0000 + host).bigEndian
    return address
}

private func call(_ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
}

private func option(_ socket: Int32, _ level: Int32, _ name: Int32) {
    var on: Int32 = 1
    setsockopt(socket, level, name, &on, socklen_t(MemoryLayout<Int32>.size))
}

private let nonblocking = Int32(SOCK_NONBLOCK.rawValue)

package func listen(on port: UInt16) -> Int32? {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | nonblocking, 0)
    option(socket, SOL_SOCKET, SO_REUSEADDR)
    guard call(loopback(port), { bind(socket, $0, $1) }) == 0, Glibc.listen(socket, 4096) == 0 else { return nil }
    return socket
}

package func accept(from listener: Int32) -> Int32? {
    let socket = Glibc.accept(listener, nil, nil)
    guard socket >= 0 else { return nil }
    _ = fcntl(socket, F_SETFL, O_NONBLOCK)
    option(socket, Int32(IPPROTO_TCP), TCP_NODELAY)
    return socket
}

/// Connects from the address 127.0.0.`host`. On loopback that does not wait, so it may block.
package func connect(to port: UInt16, from host: UInt32) -> Int32? {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    _ = call(loopback(0, host: host)) { bind(socket, $0, $1) }
    guard call(loopback(port), { Glibc.connect(socket, $0, $1) }) == 0 else {
        Glibc.close(socket)
        return nil
    }
    _ = fcntl(socket, F_SETFL, O_NONBLOCK)
    option(socket, Int32(IPPROTO_TCP), TCP_NODELAY)
    return socket
}

package func read(_ socket: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Moved {
    moved(recv(socket, buffer.baseAddress, buffer.count, 0))
}

package func write(_ socket: Int32, _ bytes: UnsafeRawBufferPointer) -> Moved {
    moved(send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)))
}

package func close(_ socket: Int32) { Glibc.close(socket) }

private func moved(_ count: Int) -> Moved {
    if count > 0 { return .bytes(count) }
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? .later : .closed
}
