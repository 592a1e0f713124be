"""A network and its dynamics: cells are vector fields, `dynamics` has the one loop over time, kernels are its fast twins."""
