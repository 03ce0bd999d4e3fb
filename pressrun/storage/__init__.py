"""Object stores: one protocol, one bucket each; in memory for tests, S3 for everything else."""
