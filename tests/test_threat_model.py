"""What docs/threat-model.md says is shown by a test, is."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def test_every_test_that_the_threat_model_names_is_there() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named
    defined = set(re.findall(r"def (test_\w+)", "\n".join(files.values())))
    assert not named - defined
    assert not set(re.findall(r"`(test_\w+\.py)`", PAGE)) - set(files)


def test_every_link_of_it_leads_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
