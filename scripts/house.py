#!/usr/bin/env python3
"""usage: scripts/house.py [TREE…]      counts how well a tree is kept; this one unless told otherwise

Prints a table with a column for each tree, such as `scripts/house.py .build-at/ad3a56f .`. How each row counts:

- **The walk** is `RequestWalk` and its stages: types of its folder that it stores or that its cases carry, directly or through others,
  and that change at a given time (a mutating function with an argument `at now`). Its files are those that declare or extend one of
  them, in that folder or below it.
- **Call edges between files of the walk**: distinct pairs of files A → B where A calls, or constructs, what B declares. Without
  a receiver or on `self`, a call goes to the types that A declares or extends; else to the type of the walk that the
  receiver names, or that some file of the walk declares a value of that name with. Of `step`, which only hands events on,
  the calls to its own type are left out.
- **A circle** is a set of files that reach each other by such edges.
- **Stored properties of the largest type of the walk**: with those of types nested in it (declared between its braces or
  in its extensions). *With what it holds* adds, recursively, those of the folder's other values that it stores or that its
  cases carry, but for other stages, which count for themselves, and for what stands in arrays, which is on its way out.
- **Lines of an App target**: of all Swift files of a target whose name ends in `App`.
- **Targets without tests**: folders of `Sources/*/` with Swift files, mains included, for which Package.swift declares no tests.
- **Retired words**: places that `scripts/check-words.sh` names.
- **Documented**: of the declarations marked `package`, those that a `///` stands before.
"""
import pathlib
import re
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True
from walk_edges import Walk

HERE = pathlib.Path(__file__).resolve().parent.parent
DECLARATION = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*package\s+(?:(?:static|mutating|final|indirect|override|nonisolated|convenience|required|"
    r"(?:private|fileprivate|internal)\(set\)|async|lazy|weak|unowned|dynamic|consuming|borrowing)\s+)*"
    r"(func|init|var|let|struct|class|enum|protocol|actor|typealias|subscript)\b")


def swift_files(folder):
    return sorted(folder.rglob("*.swift"))


def documented(tree, kinds=None):
    """How many `package` declarations there are, and how many have a doc comment; of these kinds only, if any are named."""
    total = told = 0
    for file in swift_files(tree / "Sources"):
        before = ""
        for line in file.read_text().splitlines():
            found = DECLARATION.match(line)
            if found and (kinds is None or found[1] in kinds):
                total += 1
                told += before.startswith("///")
            # An attribute on a line of its own stands between comment and declaration.
            if not re.fullmatch(r"\s*@\w+(\(.*\))?\s*", line):
                before = line.strip()
    return total, told


def share(total, told):
    return f"{100 * told / max(total, 1):.1f} % of {total:,}"


def untested(tree):
    package = (tree / "Package.swift").read_text()
    tested = set(re.findall(r'tests\(\s*"\w+",\s*"(\w+)"', package))
    targets = {folder.name for folder in (tree / "Sources").glob("*/*") if folder.is_dir() and swift_files(folder)}
    return sorted(targets - tested)


def retired_words(tree):
    said = subprocess.run([HERE / "scripts/check-words.sh", tree], capture_output=True, text=True).stdout
    return len(re.findall(r"': write ", said))


def rows(tree):
    walk = Walk(tree)
    lengths = {file: len(file.read_text().splitlines()) for file in swift_files(tree / "Sources")}
    longest = max(lengths, key=lengths.get)
    name, own, held = walk.largest()
    yield "files of the walk", str(len(walk.files))
    yield "call edges between them", str(len(walk.edges))
    yield "a circle", ", ".join(sorted(pathlib.Path(file).stem.removeprefix("RequestWalk+") for file in walk.circle)) or "none"
    yield "stored properties of its largest type", f"{own} ({name})"
    yield "with what it holds", str(held)
    for app in sorted(folder for folder in (tree / "Sources").glob("*/*App")):
        yield f"lines of {app.name}", f"{sum(lengths[file] for file in swift_files(app)):,}"
    without = untested(tree)
    yield "targets without tests", f"{len(without)}" + (f" ({', '.join(without)})" if without else "")
    yield "longest file", f"{lengths[longest]} ({longest.name})"
    yield "median of lines", f"{statistics.median(lengths.values()):.0f} of {len(lengths)} files"
    yield "retired words", str(retired_words(tree))
    yield "documented `package` declarations", share(*documented(tree))
    yield "documented `package` functions", share(*documented(tree, {"func"}))


def main(arguments):
    if any(argument.startswith("-") for argument in arguments):
        print(__doc__)
        return 64
    trees = [pathlib.Path(argument).resolve() for argument in arguments] or [HERE]
    tables = [dict(rows(tree)) for tree in trees]
    names = list(dict.fromkeys(name for table in tables for name in table))
    print("| |", " | ".join(tree.name if tree != HERE else "this tree" for tree in trees), "|")
    print("|---|" + "---|" * len(trees))
    for name in names:
        print(f"| {name} |", " | ".join(table.get(name, "-") for table in tables), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
