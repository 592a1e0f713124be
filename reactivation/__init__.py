"""Offline reactivation in noisy recurrent networks (Krishna et al., ICLR 2024).

A *task* makes the world, a *cell* is a vector field, a *phase* (waking, rest) is what a network is put through, and
`dynamics.rollout` is the only loop over time. Nothing is imported here, so that settings are checked before torch loads.
"""

__version__ = "0.2.0"
