"""Rounds become tables: medians, and over the rounds the least, middle and greatest of what compares worker and nginx."""

from statistics import median

from scenarios import SCENARIOS

#: What each metric is called in the report, and how the worker is compared with nginx by it.
METRICS = {
    "cpu_us": ("CPU µs a request", "ratio"),
    "chunk_us": ("CPU µs a chunk", "ratio"),
    "kb_a_stream": ("KB of memory a stream", "ratio"),
    "idle_mb": ("MB of memory before", "ratio"),
    "p50_us": ("latency p50 µs", "added"),
    "p99_us": ("latency p99 µs", "added"),
    "first_p50_us": ("first chunk p50 µs", "added"),
    "first_p99_us": ("first chunk p99 µs", "added"),
    "delay_p50_us": ("delay of a chunk p50 µs", "added"),
    "delay_p99_us": ("delay of a chunk p99 µs", "added"),
    "per_second": ("a second", None),
    "peak": ("best goodput a second", None),
    "peak_at": ("at connections", None),
    "tenfold": ("goodput at ten times those", None),
    "kept": ("share of the best", None),
    "of_other": ("best, against the other build's", None),
    "idle_p99_us": ("p99 µs alone", None),
    "slowed": ("times slower", None),
    "refused": ("refused for each served", None),
    "noise": ("the others' answers", None),
    "noise_shed_429": ("the others' 429", None),
    "noise_shed_503": ("the others' 503", None),
    "shed_429": ("429", None),
    "shed_503": ("503", None),
    "hinted": ("of these with Retry-After", None),
    "shed_p99_us": ("p99 µs of these", None),
    "busy": ("share of its core", None),
    "others": ("share others took of it", None),
    "switches": ("context switches each", None),
}


def shown(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def values(rounds, row, metric):
    return [r[row][metric] for r in rounds if metric in r[row]]


def against(kind, rounds, row, base, metric):
    """Row against base, round by round: neighbours in time are compared. Least, middle and greatest, or nothing."""
    ours, theirs = values(rounds, row, metric), values(rounds, base, metric) if base in rounds[0] else []
    if not kind or not ours or len(ours) != len(theirs) or not all(theirs):
        return None
    each = [a / b if kind == "ratio" else a - b for a, b in zip(ours, theirs)]
    return min(each), median(each), max(each)


def cell(kind, found):
    if not found:
        return ""
    least, middle, greatest = (f"{v:.2f}" if kind == "ratio" else f"{v:+,.0f}" for v in found)
    return f"**{middle}{' ×' if kind == 'ratio' else ''}** ({least} – {greatest})"


def comparison(rounds):
    """Metrics as rows, subjects as columns."""
    subjects = [name for name in ["direct", "nginx", "worker"] if name in rounds[0]]
    has_direct = "direct" in subjects
    lines = [f"| | {' | '.join(subjects)} | worker against nginx |{' worker against direct |' if has_direct else ''}",
             "|---|" + "---:|" * (len(subjects) + 1 + has_direct)]
    for metric, (label, kind) in METRICS.items():
        medians = [values(rounds, subject, metric) for subject in subjects]
        if not any(medians):
            continue
        cells = [label, *(shown(median(found)) if found else "" for found in medians)]
        for base in ["nginx", "direct"][:1 + has_direct]:
            cells.append(cell(kind, against(kind, rounds, "worker", base, metric)))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def parts(rounds, title):
    """Parts as rows, metrics as columns; the first row is what the others are compared with if it is nginx's."""
    first = next(iter(rounds[0]))
    base = first if first.startswith("nginx") else None
    metrics = [metric for metric in METRICS if metric in rounds[0][first]]
    last = " against nginx |" if base else ""
    lines = [f"| {title} | {' | '.join(METRICS[m][0] for m in metrics)} |{last}",
             "|---|" + "---:|" * (len(metrics) + bool(base))]
    for row in rounds[0]:
        cells = [row, *(shown(median(v)) if (v := values(rounds, row, m)) else "" for m in metrics)]
        if base:
            cells.append("" if row == base else cell("ratio", against("ratio", rounds, row, base, "cpu_us")))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def table(name, rounds):
    scenario = SCENARIOS[name]
    lines = parts(rounds, scenario.rows) if scenario.rows else comparison(rounds)
    return "\n".join([f"### {scenario.title}", "", *lines, ""])
