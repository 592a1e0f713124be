"""Trained networks through waking and rest, recorded and measured."""
