"""A page on which trained networks run: `networks` says what of each it holds, `page` writes it, the rest is JavaScript."""
