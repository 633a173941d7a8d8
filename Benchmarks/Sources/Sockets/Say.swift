import Glibc

/// Writes a line at once, without a stream's buffer.
package func say(_ line: String, to descriptor: Int32 = STDOUT_FILENO) {
    let bytes = Array((line + "\n").utf8)
    _ = Glibc.write(descriptor, bytes, bytes.count)
}

/// How the program is called, on standard error; ends it.
package func usage(_ text: String) -> Never {
    say("usage: \(text)", to: STDERR_FILENO)
    exit(64)
}

/// The lines of a file; none when it cannot be read.
package func lines(of path: String) -> [String] {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { return [] }
    defer { _ = Glibc.close(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = Glibc.read(file, &part, part.count), count > 0 { bytes += part[..<count] }
    return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
}
