"""Everything about the machine: processes, threads, memory, GPUs, signals, compiled loops."""
