#!/usr/bin/env python3
"""The pages of the documentation site, from the documents of the repository: links that lead out of docs/ are followed or
become plain text, tables may scroll, and the benchmark page gets plots of its own tables.

Usage: tools/site/pages.py <folder for the pages>
"""
import html
import os
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
BESIDE = {ROOT / "ARCHITECTURE.md": "architecture.md", ROOT / "CONTRIBUTING.md": "contributing.md", ROOT / "README.md": "index.md"}
COLORS = ("#0f8f83", "#9aa5a9", "#d97706")


def place_of(path: pathlib.Path) -> str | None:
    """Where a document of the repository stands among the pages; None: nowhere."""
    if path in BESIDE:
        return BESIDE[path]
    if path.is_relative_to(DOCS) and path.is_file():
        return str(path.relative_to(DOCS))
    return None


def relink(text: str, document: pathlib.Path, page: str) -> str:
    """Links of `document` as links of the page made of it."""
    def link(found: re.Match) -> str:
        label, target, anchor = found.group(1), found.group(2), found.group(3) or ""
        if "://" in target or target.startswith(("#", "mailto:")):
            return found.group(0)
        path = (document.parent / target).resolve()
        if path == DOCS / "decisions":
            path = path / "README.md"
        place = place_of(path)
        if place is None:
            return label if path.exists() else found.group(0)  # A broken one stays, and fails the build.
        return f"[{label}]({os.path.relpath(place, os.path.dirname(page) or '.')}{anchor})"

    parts = re.split(r"(```.*?```)", text, flags=re.S)
    return "".join(part if part.startswith("```") else re.sub(r"\[([^\]]+)\]\(([^)#\s]*)(#[^)\s]*)?\)", link, part) for part in parts)


# ---- plots

def bars(title: str, names: list[str], series: list[tuple[str, list[float | None]]]) -> str:
    """Bars beside one another, one group a name; values from 0 on."""
    most = max(value for _, values in series for value in values if value is not None)
    width, left, row, gap = 720, 170, 15, 13
    height = len(names) * (len(series) * row + gap) + 34
    out = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title)}" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">']
    y = 6
    for at, name in enumerate(names):
        out.append(f'<text x="{left - 10}" y="{y + len(series) * row / 2 + 4:.0f}" text-anchor="end">{html.escape(name)}</text>')
        for number, (_, values) in enumerate(series):
            value = values[at]
            if value is not None:
                length = (width - left - 60) * value / most
                out.append(f'<rect x="{left}" y="{y + 1}" width="{length:.1f}" height="{row - 3}" rx="3" fill="{COLORS[number]}"/>'
                           f'<text x="{left + length + 6:.1f}" y="{y + row - 4}">{value:.3f}</text>')
            y += row
        y += gap
    x = left
    for number, (name, _) in enumerate(series):
        out.append(f'<rect x="{x}" y="{height - 16}" width="11" height="11" rx="3" fill="{COLORS[number]}"/><text x="{x + 17}" y="{height - 6}">{html.escape(name)}</text>')
        x += 40 + 8 * len(name)
    return "".join(out) + "</svg>"


def rows_after(text: str, header: str) -> list[list[str]]:
    """Cells of the table whose first line begins with `header`."""
    at = text.index(header)
    lines = text[at:].split("\n")
    table = []
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def number(cell: str, name: str) -> float | None:
    found = re.search(rf"\b{name} (\.\d+)", cell)
    return float(found.group(1)) if found else None


def quality_plot(text: str) -> str:
    table = rows_after(text, "| protocol | reached | floor |")
    names = [row[0] for row in table]
    ours, best = ([number(row[column], "N") for row in table] for column in (1, 3))
    return (f"<figure>{bars('NDCG of each protocol', names, [('Freshet', ours), ('the best simple method', best)])}"
            "<figcaption>NDCG, from the table below.</figcaption></figure>")


PLOTS = {"## Quality: one command for each protocol": quality_plot}


def with_plots(text: str) -> str:
    for heading, plot in PLOTS.items():
        assert heading in text, f"benchmarks.md has lost {heading!r}"
        text = text.replace(heading, f"{heading}\n\n{plot(text)}\n", 1)
    return text


def main() -> None:
    to = pathlib.Path(sys.argv[1])
    shutil.rmtree(to, ignore_errors=True)
    documents = [(path, place_of(path)) for path in sorted(DOCS.rglob("*.md"))]
    documents += [(ROOT / "ARCHITECTURE.md", "architecture.md"), (ROOT / "CONTRIBUTING.md", "contributing.md")]
    for document, page in documents:
        text = relink(document.read_text(), document, page)
        if page == "benchmarks.md":
            text = with_plots(text)
        path = to / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(DOCS / "openapi.yaml", to / "openapi.yaml")


if __name__ == "__main__":
    main()
