"""One file per analysis: it turns recordings of phases into plain numbers, no files, no plots. `output_<name>.py` runs it.

Each has `Settings`, `analyse(recorded, settings, streams) → Result`, and `ANALYSIS`, which declares both, the phases and
rates that the analysis needs, and the format of its results (`reactivation.analysis.base`).
"""
