"""Networks and movements whose answers are known before any measure is asked: what a measure must get right first.

    langevin             Eq. 18 written down: its drift is σ² d/dr log p (Eq. 16) of a mixture on a known manifold
    attractor            the same manifold with an even prior along it: nothing to sample but the manifold itself
    untrained            a network before its first step
    shuffled             a trained network whose recurrent weights have changed places
    brownian             no network: Brownian motion between walls or round a circle
    ornstein_uhlenbeck   no network: a walk that is drawn to the middle
    spectral             no network: jumps of every size, whose distance grows as a power of time that can be chosen

Each is an ordinary run (`control`), which rests, wakes and is recorded like a trained one.
"""
