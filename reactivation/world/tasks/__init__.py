"""One file per task, named as its folder of configs. Each offers `Settings` and `build(settings, generator) → Task`."""
