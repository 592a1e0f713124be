"""Many runs from one line: the combinations of lists, trained and analysed on this machine or on a SLURM cluster."""
