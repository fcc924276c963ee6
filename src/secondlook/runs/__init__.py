"""What is kept: the run directory, and jobs in fresh children with real limits."""
