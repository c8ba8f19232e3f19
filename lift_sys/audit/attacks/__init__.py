"""Programs that try to get out of the jail, to harm what is around it, or to be believed what is not so."""

from lift_sys.audit.attacks import (
    cpu,
    crashes,
    files,
    forgery,
    kernel,
    memory,
    network,
    output,
    processes,
    secrets,
    text,
)
from lift_sys.audit.attacks.attack import Attack

ATTACKS: tuple[Attack, ...] = (
    *cpu.ATTACKS,
    *memory.ATTACKS,
    *processes.ATTACKS,
    *files.ATTACKS,
    *network.ATTACKS,
    *kernel.ATTACKS,
    *secrets.ATTACKS,
    *output.ATTACKS,
    *forgery.ATTACKS,
    *crashes.ATTACKS,
    *text.ATTACKS,
)
