"""The data of a program: as they are given, free of latents, and used nowhere else."""
