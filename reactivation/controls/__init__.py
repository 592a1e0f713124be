"""Networks and movements for which the right value of a measure is known, to test measures with.

    langevin             exact Langevin sampling (Eq. 18): drift σ² d/dr log p (Eq. 16) of a mixture on a known manifold
    attractor            the same with a uniform density along the manifold
    untrained            a network before training
    shuffled             a trained network with its recurrent weights in random order
    brownian             no network: Brownian motion between walls or round a circle
    ornstein_uhlenbeck   no network: a random walk that is drawn to the middle
    spectral             no network: steps of all sizes; distance grows as a power of time that can be chosen

Each is an ordinary run (made by `control`), which rests, wakes and is recorded like a trained network.
"""
