#!/usr/bin/env bash
# Dead references in documents: every relative link leads to a file, and to a heading where it names one; every path written as
# code is there. Decisions and proofs keep the paths of their day, but not dead links.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python3 - <<'TXT'
import pathlib, re, subprocess, sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
#: A path with a folder and an ending, or below a folder of the project.
PATH = re.compile(r"`((?:[\w.+-]+/)+[\w.+-]+\.(?:swift|lua|sql|py|sh|md|yaml|yml|txt|conf)|(?:Sources|Tests|docs|deploy|scripts|sql|Benchmarks)"
                  r"/[\w./+-]+)`")
ROOTS = [pathlib.Path(root) for root in (".", "Sources", "Tests", "docs", *map(str, pathlib.Path("Sources").glob("*")),
                                         *map(str, pathlib.Path("Tests").glob("*")))]
tracked = subprocess.run(["git", "ls-files", "*.md"], capture_output=True, text=True, check=True).stdout.split()
flaws = []


def slugs(file):
    """What GitHub makes of headings: lower case, punctuation dropped, spaces to hyphens."""
    return {re.sub(r" ", "-", re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()))
            for title in re.findall(r"^#+ (.*?)\s*$", file.read_text(), re.M)}


for file in sorted(map(pathlib.Path, tracked)):
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), file.read_text(), flags=re.M | re.S)
    for number, line in enumerate(text.splitlines(), 1):
        for link in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            target, _, heading = link.partition("#")
            if re.match(r"\w+:", link):
                continue
            there = file.parent / target if target else file
            if not there.exists():
                flaws.append(f"{file}:{number}: {link} leads nowhere")
            elif heading and there.suffix == ".md" and heading not in slugs(there):
                flaws.append(f"{file}:{number}: {link}: no such heading")
        if {"decisions", "proof"} & set(file.parts):
            continue
        for path in PATH.findall(line):
            # What a program makes is no path of the project.
            if "/.build/" not in path and not any((root / path).exists() for root in [*ROOTS, file.parent]):
                flaws.append(f"{file}:{number}: {path} is not there")
print("\n".join(flaws) or f"no dead links or paths in {len(tracked)} documents")
sys.exit(bool(flaws))
TXT
