"""How a service grows with its GPUs: open-loop load by several processes, beside what the simulator expects."""
