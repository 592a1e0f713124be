"""The machine under it all: device, cores, signals, and what can go wrong for a user."""
