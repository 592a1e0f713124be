"""Training: the gradient step, and runs up to their last step; one network, a stack of networks, or one process each."""
