#!/usr/bin/env python3
"""The documentation site: it builds with broken links as errors, every page of docs/ is in it, and it asks for nothing from
elsewhere. A link that leads nowhere is put into a copy, and must fail.

Usage: tests/docs_site_test.py      exit 77: no mkdocs here
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build(root: pathlib.Path, to: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run([root / "tools/build_docs.sh", to], capture_output=True, text=True, timeout=300)


def main() -> int:
    if not shutil.which("mkdocs"):
        print("skipped: no mkdocs; install it with tools/install.sh test")
        return 77
    with tempfile.TemporaryDirectory() as scratch:
        site = pathlib.Path(scratch, "site/html")
        done = build(ROOT, site)
        assert done.returncode == 0, done.stdout + done.stderr
        pages = list(site.rglob("*.html"))
        for document in (ROOT / "docs").rglob("*.md"):
            page = site / document.relative_to(ROOT / "docs").with_suffix(".html")
            if document.name == "README.md":
                page = page.with_name("index.html")
            assert page.is_file(), f"{document} is not in the site"
        for path in [*pages, *site.rglob("*.css")]:
            for found in re.finditer(r"""(?:<(?:script|img|link|iframe)[^>]*(?:src|href)=|url\(|@import )["']?(https?:)?//[^"')>]*""", path.read_text()):
                raise AssertionError(f"{path.name} asks elsewhere: {found.group(0)}")
        assert "<figure>" in (site / "benchmarks.html").read_text(), "the benchmark page has no plot"

        copy = pathlib.Path(scratch, "copy")
        for folder in ("docs", "tools"):
            shutil.copytree(ROOT / folder, copy / folder)
        for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"):
            shutil.copy(ROOT / name, copy)
        page = copy / "docs" / "concepts.md"
        page.write_text(page.read_text() + "\n[nowhere](no-such-page.md)\n")
        assert build(copy, pathlib.Path(scratch, "broken/html")).returncode != 0, "a broken link did not fail"
    print(f"site: {len(pages)} pages, no broken link, nothing from elsewhere")
    return 0


if __name__ == "__main__":
    sys.exit(main())
