import CSystem
import Glibc

extension UnsafeRawBufferPointer {
    /// Where `needle` begins, at or after `start`.
    package func find(_ needle: StaticString, from start: Int = 0) -> Int? {
        guard let base = baseAddress, start < count,
            let found = memmem(base + start, count - start, needle.utf8Start, needle.utf8CodeUnitCount)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// The decimal number at `start`, after spaces.
    package func number(from start: Int) -> Int {
        var at = start, value = 0
        while at < count, self[at] == UInt8(ascii: " ") { at += 1 }
        while at < count, case let digit = Int(self[at]) - 48, 0...9 ~= digit {
            value = value * 10 + digit
            at += 1
        }
        return value
    }

    /// The value of a header, whose name is given as `"\r\nname:"` in lower case, as a number.
    package func header(_ name: StaticString) -> Int? {
        startOfHeader(name).map { number(from: $0) }
    }

    package func startOfHeader(_ name: StaticString) -> Int? {
        let length = name.utf8CodeUnitCount
        var line = find("\r\n")
        while let start = line {
            if start + length <= count, let base = baseAddress,
                strncasecmp(
                    (base + start).assumingMemoryBound(to: CChar.self),
                    UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self), length) == 0
            {
                return start + length
            }
            line = find("\r\n", from: start + 2)
        }
        return nil
    }
}
