"""The ratios worker / nginx as bars in an SVG, written by hand: no library to install."""

from html import escape

from report import against
from scenarios import SCENARIOS

ROW, LEFT, WIDTH = 30, 330, 480


def bars(results):
    """(label, least, middle, greatest) of every scenario's CPU and memory."""
    for name, rounds in results.items():
        if SCENARIOS[name].rows:
            continue
        for metric, label in [("cpu_us", "CPU a request"), ("chunk_us", "CPU a chunk"), ("kb_a_stream", "memory a stream")]:
            found = against("ratio", rounds, "worker", "nginx", metric)
            if found:
                yield f"{name}: {label}", *found


def svg(results):
    rows = list(bars(results))
    most = max([greatest for *_, greatest in rows], default=1) * 1.15
    height = ROW * (len(rows) + 2)
    x = lambda ratio: LEFT + WIDTH * ratio / most  # noqa: E731
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}"'
           ' font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>',
           '<text x="10" y="20" font-weight="bold">worker / nginx in the same run: bar median, line least to greatest</text>']
    for at, (label, least, middle, greatest) in enumerate(rows):
        y = ROW * (at + 1)
        out += [
            f'<text x="{LEFT - 10}" y="{y + 19}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{LEFT}" y="{y + 5}" width="{x(middle) - LEFT:.1f}" height="20" fill="#4878a8"/>',
            f'<path d="M{x(least):.1f} {y + 15}H{x(greatest):.1f}" stroke="black" stroke-width="2"/>',
            f'<text x="{x(greatest) + 6:.1f}" y="{y + 19}">{middle:.2f}</text>']
    out.append(f'<path d="M{x(1):.1f} {ROW}V{height - ROW}" stroke="#c44" stroke-dasharray="4 3"/>')
    out.append(f'<text x="{x(1):.1f}" y="{height - 10}" text-anchor="middle" fill="#c44">nginx = 1</text></svg>')
    return "\n".join(out) + "\n"
