import pytest

from deployments.models.progress import drawn


def test_bars_name_what_is_done_and_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    with drawn() as progress:
        progress("Downloading", 1_000_000, 2_000_000)
        progress("Converting", 0, 0)
        progress("Downloading", 2_000_000, 2_000_000)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Downloading" in err
    assert "2.0/2.0 MB" in err
    assert "Converting" in err


def test_nothing_is_drawn_before_the_first_word(capsys: pytest.CaptureFixture[str]) -> None:
    with drawn():
        pass
    assert capsys.readouterr() == ("", "")
