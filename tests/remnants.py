"""What a service that was stopped may leave behind."""

import psutil


def remnants(before: set[int]) -> list[str]:
    """The names of processes of Ray and SGLang that were not there before and still are."""
    found = []
    for process in psutil.process_iter(["name", "cmdline", "status"]):
        words = f"{process.info['name']} {' '.join(process.info['cmdline'] or [])}"
        alive = process.pid not in before and process.info["status"] != psutil.STATUS_ZOMBIE
        if alive and any(word in words for word in ("raylet", "gcs_server", "sglang", "ray::")):
            found.append(words[:80])
    return found
