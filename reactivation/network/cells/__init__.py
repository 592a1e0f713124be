"""One file per cell; its name is what `rnn.model` says.

Each offers `Settings` and `build(settings, n_inputs, generator) → Cell`.
"""
