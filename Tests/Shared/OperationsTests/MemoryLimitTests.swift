import Foundation
import Operations
import Testing

@Suite struct MemoryLimitTests {
    private func limit(_ files: [String: String]) throws -> Int? {
        let root = FileManager.default.temporaryDirectory.appending(path: "memory-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in files {
            let file = URL(filePath: root + path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return MemoryLimit(root: root).bytes
    }

    private static let machine = ["/proc/meminfo": "MemTotal:       16000 kB\nMemFree: 1 kB\n"]

    @Test("without a group it is the machine's")
    func machine() throws {
        #expect(try limit([:]) == nil)
        #expect(try limit(Self.machine) == 16_000 << 10)
    }

    @Test("version 2: the smallest of the group and those above it, where one is set")
    func version2() throws {
        let group = Self.machine.merging(["/proc/self/cgroup": "0::/a/b\n"]) { $1 }
        let set = ["/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "4000000\n"]
        #expect(try limit(group.merging(set) { $1 }) == 4_000_000)
        #expect(try limit(group.merging(["/sys/fs/cgroup/a/b/memory.max": "max\n"]) { $1 }) == 16_000 << 10)
        #expect(try limit(group.merging(["/sys/fs/cgroup/memory.max": "5000000\n"]) { $1 }) == 5_000_000)
        #expect(try limit(group.merging(["/sys/fs/cgroup/a/b/memory.max": "99999999999\n"]) { $1 }) == 16_000 << 10)
    }

    @Test("version 1: the same, beside an empty version 2, and from inside a container, too")
    func version1() throws {
        let group = Self.machine.merging(["/proc/self/cgroup": "9:cpu:/\n4:memory,hugetlb:/docker/x\n0::/\n"]) { $1 }
        let name = "memory.limit_in_bytes"
        #expect(try limit(group.merging(["/sys/fs/cgroup/memory/docker/x/\(name)": "3000000"]) { $1 }) == 3_000_000)
        #expect(try limit(group.merging(["/sys/fs/cgroup/memory/\(name)": "2000000"]) { $1 }) == 2_000_000)
        let absurd = ["/sys/fs/cgroup/memory/\(name)": "9223372036854771712"]
        #expect(try limit(group.merging(absurd) { $1 }) == 16_000 << 10)
    }
}
