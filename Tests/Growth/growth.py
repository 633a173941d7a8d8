"""For everything that repeats: four times as much costs at most six times the instructions, or is refused by a bound."""

import pathlib
import re
import subprocess
import sys
import tempfile

from elements import ELEMENTS, body, is_valid, sizes

GROWTH_MAX = 6
#: `Growth.growthMeasured` as Swift names it: what happens inside is counted, and each call apart.
MEASURED = "$s6Growth14growthMeasuredyySvF"
#: As largest bodies are: more than any of them.
LARGEST_KIB = 1 << 20
#: How many of an element are read first, uncounted.
WARM_UP = 8
#: Bodies of one process, together.
GROUP_BYTES = 1 << 20


def run(program, lines, folder):
    """The instructions of each line, and what became of it. One process of callgrind, one dump for each."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", f"--toggle-collect={MEASURED}",
               f"--dump-after={MEASURED}", program]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = done.stdout.splitlines()
    counts = []
    for number in range(1, len(lines) + 1):
        found = re.search(r"^(?:summary|totals): (\d+)", (folder / f"out.{number}").read_text(), re.M)
        counts.append(int(found[1]))
    assert len(outcomes) == len(lines), f"{len(outcomes)} outcomes of {len(lines)}"
    return list(zip(counts, outcomes))


def judge(program, elements, bytes_max, folder):
    """Measures some elements in one process of callgrind and prints a line for each case: how many of them there are, how many fail."""
    lines, cases, failures = [], [], 0
    for number, name in enumerate(elements):
        assert is_valid(name)
        kind, path, _, _, _, _, _, _, dialects = ELEMENTS[name]
        files = []
        for count in (WARM_UP, *sizes(name, bytes_max)):
            file = folder / f"{number}-{count}.json"
            file.write_bytes(body(name, count))
            files.append((count, file))
        for dialect in dialects:
            cases.append((name, dialect, files[1:]))
            # Once uncounted: what is made on first use is no growth.
            lines += [f"{kind} {path} {dialect} {file}" for _, file in files]
    found = run(program, lines, folder)
    for at, (name, dialect, files) in enumerate(cases):
        _, (small, _), (large, then) = found[3 * at:3 * at + 3]
        growth = large / max(small, 1)
        # What comes to nothing was not measured.
        is_good = growth <= GROWTH_MAX and then != "nothing"
        failures += not is_good
        print(f"{'ok  ' if is_good else 'FAIL'} {growth:5.2f}  {name} ({dialect}): {files[0][0]} → {files[1][0]}, {files[1][1].stat().st_size >> 10} KiB,"
              f" {small / 1e6:.1f} → {large / 1e6:.1f} M instructions; {then[:60]}", flush=True)
    return len(cases), failures


def groups(names, bytes_max):
    """Elements that are measured together: small bodies share the start of a process, large ones show at once what they came to."""
    group, size = [], 0
    for name in names:
        group.append(name)
        size += len(body(name, sizes(name, bytes_max)[1]))
        if size > GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def main():
    program, bytes_max = sys.argv[1], int(sys.argv[2] if len(sys.argv) > 2 else LARGEST_KIB) << 10
    names = sys.argv[3:] or list(ELEMENTS)
    total = failed = 0
    for group in groups(names, bytes_max):
        with tempfile.TemporaryDirectory(prefix="aihub-growth-") as place:
            cases, failures = judge(program, group, bytes_max, pathlib.Path(place))
            total, failed = total + cases, failed + failures
    print(f"{len(names)} elements; {failed} of {total} cases grow by more than {GROWTH_MAX} times, or come to nothing")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
