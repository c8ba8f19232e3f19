"""CPU seconds of Ray's processes on this machine, by what they do in the service."""

import psutil

CpuSeconds = dict[tuple[str, int], float]
"""Of processes, by deployment or name and process id."""


def cpu_s() -> CpuSeconds:
    """Until now, of Ray's processes on this machine; the engine's and the sandbox's own are none."""
    used: CpuSeconds = {}
    for process in psutil.process_iter(["cmdline", "cpu_times"]):
        title = (process.info["cmdline"] or [""])[0]
        if (name := service_of(title)) and process.info["cpu_times"]:
            used[name, process.pid] = process.info["cpu_times"].user + process.info["cpu_times"].system
    return used


def spent_s(before: CpuSeconds, after: CpuSeconds) -> dict[str, float]:
    """CPU seconds in between, by name. What a process that has ended since had used by then is not known."""
    spent: dict[str, float] = {}
    for (name, pid), used in after.items():
        spent[name] = spent.get(name, 0.0) + used - before.get((name, pid), 0.0)
    return spent


def service_of(title: str) -> str | None:
    """`Ingress` of `ray::ServeReplica:lift:Ingress.handle_request`, `proxy` and `controller` of Serve, `ray` else."""
    if title.startswith("ray::ServeReplica:"):
        return title.split(":")[4].partition(".")[0]
    known = {"ray::ProxyActor": "proxy", "ray::ServeController": "controller"}
    for start, name in known.items():
        if title.startswith(start):
            return name
    return "ray" if title.endswith(("/raylet", "/gcs_server")) else None
