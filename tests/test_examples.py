"""README.md tells the truth; the scripts in examples/ are run by .ci/run."""

import contextlib
import io
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"(?s)```python\n(.*?)```\s+```text\n(.*?)```", README.read_text("utf-8"))


@pytest.mark.parametrize(("code", "printed"), BLOCKS, ids=["search", "ask-and-tell", "long"])
def test_code_in_readme_prints_what_readme_says(code, printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    assert out.getvalue() == printed
