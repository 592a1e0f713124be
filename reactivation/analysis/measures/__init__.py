"""One file per analysis: recordings of phases in, plain numbers out; no files, no plots. `output_<name>.py` runs it.

Each offers `Settings`, `analyse(recorded, settings, streams) → Result`, and `ANALYSIS`, which declares both with the phases
and rates that it needs, and the format of its results (`reactivation.analysis.base`).
"""
