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
