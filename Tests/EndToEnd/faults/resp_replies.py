"""Nonsensical replies of Redis."""

ERRORS = [
    "LOADING Redis is loading the dataset in memory", "READONLY You can't write against a read only replica.",
    "CLUSTERDOWN The cluster is down", "TRYAGAIN Multiple keys request during rehashing of slot",
    "MOVED 1234 127.0.0.1:1", "ASK 1234 127.0.0.1:1", "BUSY Redis is busy running a script.",
    "NOPERM this user has no permissions to run the 'fcall' command", "WRONGPASS invalid username-password pair",
    "NOAUTH Authentication required.", "ERR Function not found", "MISCONF Errors writing to the AOF file",
    "OOM command not allowed when used memory > 'maxmemory'.", "NOREPLICAS Not enough good replicas to write.",
    "UNKILLABLE x", "", "ERR " + "x" * 100_000,
]
#: Complete but useless replies.
WHOLE = [f"-{error}\r\n".encode() for error in ERRORS] + [
    b"+OK\r\n", b":1\r\n", b":-9223372036854775808\r\n", b"$5\r\nhello\r\n", b"$0\r\n\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n",
    b"*1\r\n$-1\r\n", b"*1\r\n*-1\r\n", b"*1\r\n-ERR inner\r\n", b"*1\r\n:0\r\n", b"*1\r\n$2\r\n99\r\n",
    b"*10\r\n" + b"$1\r\nx\r\n" * 10,
    b"*10\r\n$1\r\n0\r\n" + b"*0\r\n" * 9, b"*200000\r\n" + b":1\r\n" * 200_000, b"*1\r\n" * 8 + b":0\r\n",
    b"_\r\n", b"#t\r\n", b",1.5\r\n", b",inf\r\n", b"(123456789012345678901\r\n", b"%1\r\n+a\r\n:1\r\n", b"~1\r\n:1\r\n",
    b">2\r\n+a\r\n+b\r\n", b"!5\r\nhello\r\n", b"=5\r\ntxt:x\r\n", b"|1\r\n+a\r\n+b\r\n:1\r\n",
]
#: Not RESP, or implausibly large.
BROKEN = [
    b"$-5\r\n", b"*-5\r\n", b"$-2147483649\r\n", b"*99999999999999999999\r\n", b"$99999999999999999999\r\n", b"$x\r\n", b"*\r\n",
    b":\r\n", b":1x\r\n", b":99999999999999999999\r\n", b"#x\r\n", b",x\r\n", b"_x\r\n", b"$5\r\nhelloXX", b"\r\n", b"\0" * 64,
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\xff" * 64, b"$2000000\r\n" + b"x" * 2_000_000 + b"\r\n",
    b"+" + b"x" * 2_000_000, b"*1\r\n" * 10_000 + b":0\r\n", b"*1\r\n" * 250_000, b"*2147483648\r\n", b"*4294967295\r\n",
]
#: Never completed in time: detected only by the deadline.
WAITING = [
    b"$1000000\r\n", b"*1000\r\n", b"*1\r\n" * 50, b"$2147483648\r\n", b"$9223372036854775807\r\n", b"*1000000000\r\n",
]


def label(reply):
    return repr(reply[:40])[2:-1] + (f" and {len(reply) - 40} more" if len(reply) > 40 else "")
