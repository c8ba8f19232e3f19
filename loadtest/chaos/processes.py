"""The processes of a service of this machine, by what they are: Ray gives each a title."""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

ROLES = {
    "engine": r"^ray::ServeReplica:\w+:(Engine|CodeEngine)\b",
    "stage": r"^ray::ServeReplica:\w+:CodeStage\b",
    "validator": r"^ray::ServeReplica:\w+:Validator\b",
    "ingress": r"^ray::ServeReplica:\w+:Ingress\b",
    "proxy": r"^ray::(ProxyActor|HAProxyManager)\b",
    "controller": r"^ray::ServeController\b",
    "executor": r"^\S*python\S* .*lift_sys\.executor\.daemon",
    "jail": r"^\S*python\S* .*lift_sys\.jail\.zygote",
}
"""What a process says of itself, by the name that faults call it."""
_SERVICE = r"\bray\.serve\.scripts run\b"
"""Of which all of them are descendants."""


class NotHere(LookupError):
    """A process that is looked for is not on this machine; says which and why that matters."""


@dataclass(frozen=True)
class Census:
    """What the processes that live on may have more of after a fault than before."""

    descriptors: dict[int, int]
    resident_mb: dict[int, float]
    jails_left: int
    """Jails and executors that no validator has any more."""

    def leaks(self, before: "Census") -> dict[str, float]:
        both = self.descriptors.keys() & before.descriptors.keys()
        return {
            "processes": len(self.descriptors) - len(before.descriptors),
            "descriptors": sum(self.descriptors[pid] - before.descriptors[pid] for pid in both),
            "memory_mb": round(sum(self.resident_mb[pid] - before.resident_mb[pid] for pid in both), 1),
            "jails": self.jails_left,
        }


class Family:
    def __init__(self, root: psutil.Process) -> None:
        self._root = root

    @classmethod
    def serving(cls, url: str) -> "Family":
        """Of the service at this address. Raises `NotHere`."""
        port = urlsplit(url).port
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(
                    one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in process.net_connections()
                ):
                    for ancestor in [process, *process.parents()]:
                        if re.search(_SERVICE, _command(ancestor)):
                            return cls(ancestor)
        raise NotHere(
            f"no service that `lift serve` has started on this machine listens at {url}: faults need its processes"
        )

    def members(self) -> list[psutil.Process]:
        return self._root.children(recursive=True)

    def _awake(self) -> list[psutil.Process]:
        """Without those that a fault has frozen, which Serve ends only after a while."""
        return [process for process in self.members() if _status(process) != psutil.STATUS_STOPPED]

    def of(self, role: str) -> list[psutil.Process]:
        """The oldest first."""
        found = [process for process in self._awake() if re.search(ROLES[role], _command(process))]
        return sorted(found, key=lambda process: process.create_time())

    def one(self, role: str) -> psutil.Process:
        """Raises `NotHere`."""
        found = self.of(role)
        if not found:
            raise NotHere(f"the service has no process {role!r}; there are {', '.join(self.roles()) or 'none'}")
        return found[0]

    def roles(self) -> dict[str, int]:
        """How many there are of each that there is."""
        commands = [_command(process) for process in self._awake()]
        counts = {role: sum(bool(re.search(says, one)) for one in commands) for role, says in ROLES.items()}
        return {role: count for role, count in counts.items() if count}

    def census(self) -> Census:
        descriptors, resident_mb = {}, {}
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                descriptors[process.pid] = process.num_fds()
                resident_mb[process.pid] = process.memory_info().rss / 2**20
        return Census(descriptors, resident_mb, len(self._orphans()))

    def _orphans(self) -> Sequence[psutil.Process]:
        """Executors and jails outside the service, since whoever started them is gone."""
        ours = {process.pid for process in self.members()}
        left = []
        for process in psutil.process_iter():
            command = _command(process)
            if process.pid not in ours and any(re.search(ROLES[role], command) for role in ("executor", "jail")):
                with contextlib.suppress(psutil.Error):
                    if process.ppid() == 1:
                        left.append(process)
        return left


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.Error:
        return psutil.STATUS_DEAD
