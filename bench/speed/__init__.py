"""How fast nets train: this package against Keras 3 and PyTorch, in one run. See `bench.speed.__main__`."""
