"""A flame graph: who called whom, and how much of the time; callers below, what they call above."""

import html
import re

WIDTH, ROW, MARGIN = 1600, 17, 24
#: Frames narrower than this many pixels are left out.
NARROWEST = 0.4


def stacks(script):
    """The call chains of `perf script`, outermost first."""
    for sample in script.split("\n\n"):
        frames = [re.sub(r"\+0x[0-9a-f]+$", "", line.split(maxsplit=1)[1].rsplit(" (", 1)[0])
                  for line in sample.splitlines()[1:] if len(line.split(maxsplit=1)) == 2]
        if frames:
            yield [re.sub(r"^\[unknown\]$", "?", frame) for frame in reversed(frames)]


def tree(chains):
    """Nested (samples, {frame: …})."""
    root = [0, {}]
    for chain in chains:
        node = root
        node[0] += 1
        for frame in chain:
            node = node[1].setdefault(frame, [0, {}])
            node[0] += 1
    return root


def depth(node):
    return 1 + max(map(depth, node[1].values()), default=0)


def svg(root, title):
    height = MARGIN + ROW * depth(root)
    boxes = []

    def box(name, node, x, level):
        width = WIDTH * node[0] / root[0]
        if width < NARROWEST:
            return
        y, hue = height - ROW * (level + 1), 20 + sum(map(ord, name)) % 35
        text = name if len(name) * 6.6 < width else name[:max(0, int(width / 6.6) - 1)] + "…" if width > 30 else ""
        boxes.append(
            f'<g><title>{html.escape(name)}: {node[0]} samples, {100 * node[0] / root[0]:.2f} %</title>'
            f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{ROW - 1}" fill="hsl({hue},80%,65%)"/>'
            f'<text x="{x + 3:.2f}" y="{y + 12}">{html.escape(text)}</text></g>')
        for child, below in sorted(node[1].items()):
            box(child, below, x, level + 1)
            x += WIDTH * below[0] / root[0]

    box("all", root, 0, 0)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="monospace" font-size="11">'
            f'<text x="4" y="16" font-size="14">{html.escape(title)}</text>{"".join(boxes)}</svg>\n')
