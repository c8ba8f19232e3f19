from pathlib import Path

import pytest

from deployments.models.convert import convert
from deployments.models.errors import ConversionFailed


@pytest.mark.slow  # for its packages: transformers takes seconds to import
def test_a_file_that_is_no_gguf_leaves_no_folder(tmp_path: Path) -> None:
    gguf = tmp_path / "model.gguf"
    gguf.write_bytes(b"not a model")
    with pytest.raises(ConversionFailed, match=r"Could not convert .*model\.gguf: (?s:.*)Error"):
        convert(gguf, tmp_path / "model")
    assert list(tmp_path.iterdir()) == [gguf]
