"""Progress messages of a training."""

import numpy as np


def means(history):
    """Returns the mean losses of some steps as a line; each step is a dictionary of losses."""
    values = {name: np.mean([one[name] for one in history]) for name in history[0]}
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())
