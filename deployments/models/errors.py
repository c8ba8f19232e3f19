"""What can go wrong between a model's name and a folder with its weights.

WeightsProblem
├── WeightsMissing     not on this machine yet
├── ReaderMissing      the package that would read them is not installed
├── FetchFailed        could not be had, or not to the end
├── DiskTooFull        known before the first byte is fetched
├── PieceUnavailable   pip did not bring a piece, or brought a damaged one
├── ChecksumMismatch   the pieces are whole, the file that they make is another one
└── ConversionFailed   the quantised file is right, its conversion stopped
"""

from pathlib import Path


class WeightsProblem(Exception):
    """The base. Arguments are positional and kept in `args`, so that every error pickles."""


class WeightsMissing(WeightsProblem):
    def __init__(self, model: str, remedy: str, *looked_in: str) -> None:
        super().__init__(model, remedy, *looked_in)
        self.model = model
        self.remedy = remedy
        self.looked_in = looked_in

    def __str__(self) -> str:
        places = f" (looked for {', '.join(self.looked_in)})" if self.looked_in else ""
        return f"No weights for {self.model!r}{places}. {self.remedy}"


class ReaderMissing(WeightsProblem):
    def __init__(self, package: str, remedy: str) -> None:
        super().__init__(package, remedy)
        self.package = package
        self.remedy = remedy

    def __str__(self) -> str:
        return f"engine.load_format: the package {self.package!r} is not installed here. {self.remedy}"


class FetchFailed(WeightsProblem):
    def __init__(self, model: str, reason: str) -> None:
        super().__init__(model, reason)
        self.model = model
        self.reason = reason

    def __str__(self) -> str:
        return f"Could not fetch {self.model!r}: {self.reason}"


class DiskTooFull(WeightsProblem):
    def __init__(self, folder: Path, needed_bytes: int, free_bytes: int) -> None:
        super().__init__(folder, needed_bytes, free_bytes)
        self.folder = folder
        self.needed_bytes = needed_bytes
        self.free_bytes = free_bytes

    def __str__(self) -> str:
        needed, free = self.needed_bytes / 1e9, self.free_bytes / 1e9
        return f"{self.folder} needs {needed:.1f} GB of free space, its disk has {free:.1f} GB"


class PieceUnavailable(WeightsProblem):
    def __init__(self, requirement: str, detail: str) -> None:
        super().__init__(requirement, detail)
        self.requirement = requirement
        self.detail = detail

    def __str__(self) -> str:
        return f"Could not get {self.requirement}: {self.detail}"


class ChecksumMismatch(WeightsProblem):
    def __init__(self, file: Path, expected: str, found: str) -> None:
        super().__init__(file, expected, found)
        self.file = file
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return (
            f"{self.file.name} has sha256 {self.found}, expected {self.expected}; "
            "its pieces were removed, another attempt fetches them anew"
        )


class ConversionFailed(WeightsProblem):
    def __init__(self, gguf: Path, detail: str) -> None:
        super().__init__(gguf, detail)
        self.gguf = gguf
        self.detail = detail

    def __str__(self) -> str:
        return f"Could not convert {self.gguf}: {self.detail}"
