#!/usr/bin/env python3
"""./demo with a program that is already built: the shop comes up, the recommendations follow, and it ends cleanly.

Usage: tests/demo_test.py <freshet binary>
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main() -> int:
    binary = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        env = {**os.environ, "TMPDIR": scratch}
        done = subprocess.run([ROOT / "demo", "--no-wait", "--binary", binary], env=env, capture_output=True, text=True,
                              timeout=300)
        print(done.stdout, done.stderr)
        assert done.returncode == 0, f"exit {done.returncode}"
        assert "\033" not in done.stdout, "colours, but this is no terminal"
        assert re.search(r"The answer changed \d+ ms after the first view", done.stdout), "no effect was measured"
        assert re.search(r"types \w+: \d+ found in", done.stdout) and "found under the new price" in done.stdout, "no search was told"
        assert len(re.findall(r"^ +view \d", done.stdout, re.M)) == 5, "not every view was told"
        assert not os.listdir(scratch), f"left behind: {os.listdir(scratch)}"

        # With --wait it serves until it is interrupted, then ends with 0 and leaves no process.
        with subprocess.Popen([ROOT / "demo", "--binary", binary], env=env, stdout=subprocess.PIPE, text=True,
                              start_new_session=True) as demo:
            try:
                text = ""
                while "Ctrl-C" not in text:
                    line = demo.stdout.readline()
                    assert line, f"it ended by itself:\n{text}"
                    text += line
                url = re.search(r"http://127\.0\.0\.1:\d+", text).group()
                with urllib.request.urlopen(url + "/readyz", timeout=10) as answer:
                    assert answer.status == 200
                time.sleep(1)
            finally:
                os.killpg(demo.pid, signal.SIGINT)  # As a terminal does.
            assert demo.wait(30) == 0, "Ctrl-C is no failure"
        try:
            urllib.request.urlopen(url + "/healthz", timeout=2)
            raise AssertionError("the server is still there")
        except OSError:
            pass
        assert not os.listdir(scratch), f"left behind: {os.listdir(scratch)}"

    for flags, code in ((["--nonsense"], 2), (["--port"], 2), (["--binary", "/nowhere/freshet"], 1)):
        wrong = subprocess.run([ROOT / "demo", *flags], capture_output=True, text=True, timeout=60)
        assert wrong.returncode == code and wrong.stderr.startswith("demo: "), (flags, wrong)
    print("demo: fine")
    return 0


if __name__ == "__main__":
    sys.exit(main())
