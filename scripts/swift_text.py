"""Swift source as text: enough to measure it without a compiler."""

import re


def plain(text):
    """Swift without comments and the contents of strings, so that names in them are not taken for code. Lines stay lines."""
    text = re.sub(r'"""[\s\S]*?"""', lambda found: '""' + "\n" * found[0].count("\n"), text)
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def closing(text, start):
    """Where the braces that open at or after `start` are closed again."""
    depth = 0
    for at in range(text.index("{", start), len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return len(text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


NEXT = re.compile(r"\}|\n[ \t]*(?:[\w()]+ +)*(?:func|init|var|let|case|struct|class|enum|extension|subscript)\b")


def functions(text):
    """Where each function and initialiser with a body starts and ends: from `func` to the closing brace, as lines."""
    for found in re.finditer(r"^[ \t]*(?:@\w+(?:\([^)\n]*\))? +)*(?:[\w()]+ +)*(?:func |init[?(<])", text, re.M):
        opening = text.find("{", found.end())
        # A requirement of a protocol has no body: the next brace belongs to something else.
        if opening < 0 or NEXT.search(text[found.end():opening]):
            continue
        yield line_of(text, found.end()), line_of(text, closing(text, opening))
