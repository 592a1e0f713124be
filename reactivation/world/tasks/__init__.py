"""One file per task, named as its folder of configs: `Settings`, with `space`, and `build(settings, generator) → Task`."""
