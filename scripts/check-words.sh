#!/usr/bin/env bash
# Words the glossary has retired: none in comments of Sources, nor in the documents, but for decisions and proofs (which keep
# the words of their day) and the glossary's own last column. Names it has retired: none in the code of Sources.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

python3 - <<'TXT'
import pathlib, re, sys

#: What is not written any more, and what is written instead.
RETIRED = {
    r"anew": "again", r"whoever": "anyone who, the one that", r"(?<!there )(?<!where )is none": "is not one", r"has the say": "decides",
    r"so many": "that many, or the number", r"engines?": "provider, deployment", r"told of": "reported", r"at hand": "available",
    r"for ever": "forever", r"nobody's": "no one's",
}
#: Parts of names that the code has no more, in any case.
NAMES = re.compile(r"pump|hindrance|flight_?board|hold_?book|dearest|doorbell|foreign_?chat|keysAre|isMute|beatForEver", re.I)
WORDS = re.compile(r"\b(" + "|".join(RETIRED) + r")\b", re.I)
COMMENT = re.compile(r"(?:^|\s)//+ (.*)")
flaws = []


def look(file, number, text):
    # What is quoted as code is a name.
    for found in WORDS.findall(re.sub(r"`[^`]*`", "", text)):
        instead = next(words for word, words in RETIRED.items() if re.fullmatch(word, found, re.I))
        flaws.append(f"{file}:{number}: '{found}': write {instead}")


for file in sorted(pathlib.Path("Sources").rglob("*.swift")):
    for number, line in enumerate(file.read_text().splitlines(), 1):
        for name in NAMES.findall(line):
            flaws.append(f"{file}:{number}: '{name}': the glossary has another name")
        comment = COMMENT.search(line)
        if comment:
            look(file, number, comment[1])
            if line.lstrip().startswith("//") and len(line) > 120:
                flaws.append(f"{file}:{number}: a comment of {len(line)} columns")
for file in [pathlib.Path("README.md"), pathlib.Path("ARCHITECTURE.md"), *sorted(pathlib.Path("docs").glob("*.md"))]:
    if file.name != "glossary.md":
        for number, line in enumerate(file.read_text().splitlines(), 1):
            look(file, number, line)
print("\n".join(flaws) or "no retired words")
sys.exit(bool(flaws))
TXT
