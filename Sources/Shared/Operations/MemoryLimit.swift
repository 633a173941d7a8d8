internal import FoundationEssentials

/// How much memory this process may use before the kernel kills it.
///
/// The minimum of the machine's memory and the limits of the process's cgroup and its ancestors.
package struct MemoryLimit {
    private let root: String

    /// - Parameter root: the folder that contains `proc` and `sys`, for tests.
    package init(root: String = "") { self.root = root }

    /// In bytes; `nil` when it cannot be determined.
    package var bytes: Int? { ([machine, version2, version1].compactMap { $0 }).min() }

    /// `MemTotal` (proc(5)).
    private var machine: Int? {
        guard let line = lines("/proc/meminfo").first(where: { $0.hasPrefix("MemTotal:") }) else { return nil }
        return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }

    /// `memory.max` of the group and its ancestors (cgroups(7), version 2): `max`, or bytes.
    private var version2: Int? {
        guard let path = group(where: { $0[0] == "0" && $0[1].isEmpty }) else { return nil }
        return smallest("memory.max", of: path, in: "/sys/fs/cgroup")
    }

    /// `memory.limit_in_bytes` of version 1; a huge number when there is no limit.
    private var version1: Int? {
        guard let path = group(where: { $0[1].split(separator: ",").contains("memory") }) else { return nil }
        return smallest("memory.limit_in_bytes", of: path, in: "/sys/fs/cgroup/memory")
    }

    /// The path of this process's group. A line of `/proc/self/cgroup` is `hierarchy:controllers:path`.
    private func group(where matches: ([Substring]) -> Bool) -> String? {
        for line in lines("/proc/self/cgroup") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            if parts.count == 3, matches(parts) { return String(parts[2]) }
        }
        return nil
    }

    /// In a container the path may be the host's, which is not mounted here; then the top folder is the group's own.
    private func smallest(_ name: String, of path: String, in mount: String) -> Int? {
        var folders = [mount]
        for part in path.split(separator: "/") where part != ".." {
            folders.append(folders[folders.count - 1] + "/" + part)
        }
        return folders.compactMap { lines($0 + "/" + name).first.flatMap { Int($0) } }.min()
    }

    private func lines(_ path: String) -> [Substring] {
        guard let text = try? String(contentsOfFile: root + path, encoding: .utf8) else { return [] }
        return text.split(separator: "\n")
    }
}
