#!/usr/bin/env bash
# Every metric that the source counts is described for Prometheus and stands in docs/metrics.md, and nothing else does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python3 - <<'TXT'
import pathlib, re, sys

NAME = r"aihub_(?:worker|control)_\w+"
used, described = set(), set()
for file in pathlib.Path("Sources").rglob("*.swift"):
    # A description is a name with its kind or its help.
    for name, described_by in re.findall(rf'"({NAME})"(,\s*(?:kind:|"))?', file.read_text()):
        (described if described_by else used).add(name)
documented = set(re.findall(rf"^\| `({NAME})` \|", pathlib.Path("docs/metrics.md").read_text(), re.M))
flaws = [f"{name} is counted and not described" for name in sorted(used - described)]
flaws += [f"{name} is described and not counted" for name in sorted(described - used)]
flaws += [f"{name} is not in docs/metrics.md" for name in sorted(described - documented)]
flaws += [f"docs/metrics.md names {name}, which is not there" for name in sorted(documented - described)]
print("\n".join(flaws) or f"{len(used)} metrics are described and documented")
sys.exit(bool(flaws))
TXT
