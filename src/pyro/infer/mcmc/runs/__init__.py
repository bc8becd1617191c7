"""One run of MCMC, from what it is told to its draws."""
