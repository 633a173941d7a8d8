internal import CLinux
internal import Glibc

/// The socket calls that a reactor's users need, on non-blocking descriptors.
package enum Socket {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    /// The result of a read or a write.
    package enum Outcome {
        case bytes(Int)
        /// Not possible now; wait for readiness.
        case wouldBlock
        /// The other end closed (reading) or the connection broke.
        case ended
    }

    package enum Accepted {
        case connection(Int32, PeerAddress)
        case none
        /// The process has no descriptors left: accepting again at once would spin.
        case exhausted
    }

    /// Descriptors from here to the process's limit are reserved for its own use.
    ///
    /// The thread pool of the Swift runtime opens a file in /proc every second and terminates the process if it cannot;
    /// journals and Redis need some as well. The kernel assigns the lowest free number, so these are reached last.
    private static let reservedFrom: Int32 = {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        let count = Int32(clamping: limit.rlim_cur)
        return count - min(64, count / 4)
    }()

    /// Whether the descriptor is in the reserved range, so that a connection must not keep it.
    package static func isReserved(_ descriptor: Int32) -> Bool { descriptor >= reservedFrom }

    /// - Throws: `Failure` when the address cannot be resolved or bound.
    package static func listen(host: String, port: Int, backlog: Int32) throws -> Int32 {
        let (descriptor, address) = try open(host: host, port: port, flags: AI_PASSIVE)
        defer { freeaddrinfo(address) }
        set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        guard bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0,
            Glibc.listen(descriptor, backlog) == 0
        else {
            let failure = Failure("\(host):\(port): \(reason("bind"))")
            Glibc.close(descriptor)
            throw failure
        }
        return descriptor
    }

    /// Connects, blocking for up to `timeoutMs`. The returned descriptor is non-blocking.
    package static func connect(host: String, port: Int, timeoutMs: Int) throws(Failure) -> Int32 {
        let (descriptor, address) = try open(host: host, port: port, flags: 0)
        defer { freeaddrinfo(address) }
        set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if Glibc.connect(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) != 0, errno == EINPROGRESS {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&waiting, 1, Int32(timeoutMs))
        }
        if isConnected(descriptor) { return descriptor }
        var error: Int32 = ETIMEDOUT
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        Glibc.close(descriptor)
        throw Failure("\(host):\(port): \(String(cString: strerror(error == 0 ? ETIMEDOUT : error)))")
    }

    /// Waits until a non-blocking descriptor can be read, or written, or a signal interrupts the wait; false if neither
    /// happens within `timeoutMs`.
    package static func wait(_ descriptor: Int32, writable: Bool, timeoutMs: Int) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(writable ? POLLOUT : POLLIN), revents: 0)
        return poll(&waiting, 1, Int32(clamping: max(0, timeoutMs))) != 0
    }

    /// A non-blocking socket of the first address that the host resolves to.
    ///
    /// - Returns: the socket, and the address, which the caller frees.
    private static func open(
        host: String, port: Int, flags: Int32
    ) throws(Failure) -> (descriptor: Int32, address: UnsafeMutablePointer<addrinfo>) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let found else {
            throw Failure("\(host): \(String(cString: gai_strerror(code)))")
        }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(found.pointee.ai_family, type, 0)
        guard descriptor >= 0 else {
            freeaddrinfo(found)
            throw Failure(reason("socket"))
        }
        return (descriptor, found)
    }

    /// Whether the socket has a peer: a connect in progress has succeeded.
    package static func isConnected(_ descriptor: Int32) -> Bool {
        var peer = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) == 0 }
        }
    }

    /// Accepts one connection, non-blocking and close-on-exec. Closes it again when its descriptor is in the reserved
    /// range.
    package static func accept(from listener: Int32) -> Accepted {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let descriptor = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                accept4(listener, $0, &length, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
            }
        }
        guard descriptor >= 0 else {
            switch errno {
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
            case ECONNABORTED, EINTR, EPROTO: return accept(from: listener)
            default: return .none
            }
        }
        guard !isReserved(descriptor) else {
            Glibc.close(descriptor)
            return .exhausted
        }
        return .connection(descriptor, PeerAddress(storage))
    }

    /// Sends small writes at once, and keeps at most `unsentBytes` in the kernel for a client that does not read.
    package static func tune(_ descriptor: Int32, unsentBytes: Int32) {
        set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        set(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, unsentBytes)
    }

    /// Reads at most `buffer.count` bytes (recv(2)).
    package static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 { return .bytes(count) }
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? .wouldBlock : .ended
    }

    /// Writes as many of the bytes as the kernel accepts (send(2)); never raises SIGPIPE.
    package static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Outcome {
        let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        if count >= 0 { return .bytes(count) }
        return errno == EAGAIN || errno == EINTR ? .wouldBlock : .ended
    }

    /// Closes the write side; input can still be read.
    package static func finishWriting(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes the descriptor. `Reactor.unwatch` it first.
    package static func close(_ descriptor: Int32) { Glibc.close(descriptor) }

    /// Closes with a reset, so that the other end notices. Unsent output is dropped.
    package static func abort(_ descriptor: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        Glibc.close(descriptor)
    }

    /// The port that a listener is bound to.
    package static func localPort(of descriptor: Int32) -> Int {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return withUnsafeBytes(of: storage) { Int($0[2]) << 8 | Int($0[3]) }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func reason(_ what: String) -> String { "\(what): \(String(cString: strerror(errno)))" }
}
