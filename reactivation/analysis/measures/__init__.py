"""One file per analysis: decoded phases in, plain numbers out; no files, no plots. `output_<name>.py` runs it.

Each offers `Settings`, `analyse(recorded, space, settings, streams) → Result`, and what it wants of `measure`: `PHASES` of
every run, `RANDOM_PHASES` of an untrained network beside them, `RATES` of so many trajectories (0: decoded states alone).
Its `FORMAT` is raised whenever the numbers in its files change their meaning: results of an older one do not count.
"""
