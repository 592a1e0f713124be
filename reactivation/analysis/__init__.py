"""One file per analysis: decoded phases in, plain numbers out; no files, no plots. `output_<name>.py` runs it."""
