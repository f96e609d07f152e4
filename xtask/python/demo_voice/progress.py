"""What a training says of itself."""

import numpy as np


def means(history):
    """The means of the losses of some steps, each step a dictionary of them, as a line."""
    values = {name: np.mean([one[name] for one in history]) for name in history[0]}
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())
