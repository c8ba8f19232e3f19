"""Reads files of weights into a GPU for SGLang: fastsafetensors' own reader, and lets go of each file."""

from typing import Any

from fastsafetensors import SafeTensorsFileLoader


class FileReader(SafeTensorsFileLoader):  # type: ignore[misc]  # untyped
    """Of one file.

    SGLang closes a reader and not the buffer that the file was read into, so that a GPU holds all weights twice
    (https://github.com/sgl-project/sglang/pull/40065). A tensor that is still in use keeps its memory.
    """

    _buffer: Any = None

    def copy_files_to_device(self, *args: Any, **kwargs: Any) -> Any:
        self._buffer = super().copy_files_to_device(*args, **kwargs)
        return self._buffer

    def close(self) -> None:
        if self._buffer is not None:
            # What was queued on the GPU may still copy from it, and the next file is read into the same memory.
            self.framework.synchronize_current_stream(self.device)
            self._buffer.close()
        super().close()
