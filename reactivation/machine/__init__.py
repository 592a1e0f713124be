"""The machine and its system: device, cores, memory, signals, streams, and errors for users."""
