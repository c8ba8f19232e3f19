"""A GGUF file to a folder of bf16 safetensors: `python -m deployments.models.convert tokenizer|model GGUF FOLDER`."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from deployments.models.errors import ConversionFailed


def convert(gguf: Path, folder: Path) -> None:
    """Write `folder`, complete once it exists. Takes a minute, and up to six times the file's size in memory."""
    # Killed for lack of memory, the child cannot clean up after itself: the unfinished folder is ours.
    with TemporaryDirectory(dir=folder.parent) as unfinished:
        part = Path(unfinished) / folder.name
        with ThreadPoolExecutor(len(_WRITERS)) as pool:
            list(pool.map(partial(_write_in_child, gguf, part), _WRITERS))
        part.rename(folder)


def _write_in_child(gguf: Path, folder: Path, what: str) -> None:
    # A process of its own gives its memory back. It has all it needs on the disk.
    command = [sys.executable, "-m", "deployments.models.convert", what, str(gguf), str(folder)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    child = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    if child.returncode < 0:
        raise ConversionFailed(gguf, f"killed by signal {-child.returncode}; is there enough memory?")
    if child.returncode != 0:
        raise ConversionFailed(gguf, child.stderr.strip()[-2000:])


def _write_tokenizer(gguf: Path, folder: Path) -> None:
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


def _write_model(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    # The real models tie the two embeddings. The file holds a quantised copy for each; the head's is the finer one.
    model.config.tie_word_embeddings = True
    model.model.embed_tokens.weight = model.lm_head.weight
    # A name that the file's maker gave it; the 0.5B's names another model.
    vars(model.config).pop("_model_name_or_path", None)
    model.save_pretrained(folder)


_WRITERS = {"tokenizer": _write_tokenizer, "model": _write_model}
"""Side by side: most of the time either reads the file's names, one by one."""

if __name__ == "__main__":
    _WRITERS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
