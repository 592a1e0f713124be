"""One file per cell; its name is what `rnn.model` says. Each offers `build(settings, n_inputs, generator) → Cell`."""
