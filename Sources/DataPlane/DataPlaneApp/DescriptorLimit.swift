internal import Glibc
internal import Logging

/// How many descriptors the process may have open (getrlimit(2), RLIMIT_NOFILE). The soft limit that a shell or a service manager
/// hands down, often 1,024, is for programs that use select(2); this one does not.
enum DescriptorLimit {
    /// A connection over TLS takes three: the caller's socket and both ends of the pair behind it. A plain one takes one, its request
    /// to a provider another.
    static let perConnection = 3

    /// Raises the soft limit to the hard one.
    ///
    /// - Returns: the limit that is in force now.
    static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        if limit.rlim_cur < limit.rlim_max {
            let before = limit.rlim_cur
            limit.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = before }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the limit and says in the log when it does not suffice for that many connections.
    static func raise(for connections: Int, log: Logger) {
        let limit = raise()
        guard limit < connections * perConnection else { return }
        log.warning(
            "too few file descriptors for the connections allowed: accepting will pause when they run out",
            metadata: [
                "descriptors": "\(limit)", "connections": "\(connections)",
                "wanted": "\(connections * perConnection)",
            ])
    }
}
