"""The critic of the decoder's training: does an envelope come from the teacher or from the decoder?

It sees pictures of the amplitudes on a scale of pitch (mel), not of harmonics, so that both speakers and
all pitches look alike, together with the phonemes. The loss is that of least squares (Mao et al., 2017)
with feature matching, as in HiFi-GAN (Kong et al., 2020).
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

import codes
import grid
from synthesiser import COUNT, HARMONICS

BANDS, LOWEST, HIGHEST = 56, 80.0, 9_500.0  # of a picture, in Hz
CHANNELS, PHONEME_CHANNELS = 28, 6
FLOOR = 0.01
DENSE = next(i for i in range(COUNT) if HARMONICS[i + 1] != HARMONICS[i] + 1)  # the last before gaps
GAP = HARMONICS[-1] - HARMONICS[-2]


def loudness(values):
    """Returns the fourth root of amplitudes, roughly: from their square root with either sign."""
    return (values.abs() + FLOOR).sqrt()


def mel_frequencies():
    low, high = (2595 * torch.log10(torch.tensor(1 + f / 700)) for f in (LOWEST, HIGHEST))
    return 700 * (10 ** (torch.linspace(low, high, BANDS) / 2595) - 1)


def picture(values, f0):
    """Returns `values` [batch, 2 · COUNT, hops] at mel frequencies: [batch, 2, BANDS, hops]."""
    order = mel_frequencies().to(f0.device)[None, :, None] / f0[:, None]
    last = HARMONICS[DENSE]
    places = torch.where(order < last, order - 1, DENSE + (order - last) / GAP)
    places = places.clamp(0, COUNT - 1.001)
    left = places.long()
    share = places - left

    def at_bands(part):
        return part.gather(1, left) * (1 - share) + part.gather(1, left + 1) * share

    return torch.stack([at_bands(values[:, :COUNT]), at_bands(values[:, COUNT:])], 1)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.phonemes = nn.Embedding(codes.BOOK_SIZE, PHONEME_CHANNELS)
        inputs, c = 2 + PHONEME_CHANNELS, CHANNELS
        self.layers = nn.ModuleList(
            weight_norm(layer)
            for layer in (
                nn.Conv2d(inputs, c, (5, 5), (2, 2), 2),
                nn.Conv2d(c, 2 * c, (3, 5), (2, 2), (1, 2)),
                nn.Conv2d(2 * c, 4 * c, (3, 5), (2, 2), (1, 2)),
                nn.Conv2d(4 * c, 4 * c, 3, 1, 1),
            )
        )
        self.verdict = nn.Conv2d(4 * c, 1, 3, 1, 1)

    def forward(self, pictures, states):
        """Returns the verdicts, towards 1 for the teacher, and the features of every layer.

        `pictures` [batch, 2, BANDS, hops], `states` [batch, frames]: the codes of the phonemes.
        """
        spoken = self.phonemes(states).transpose(1, 2).repeat_interleave(grid.STEPS, 2)
        spoken = spoken[:, :, None].expand(-1, -1, pictures.shape[2], -1)
        x, features = torch.cat([3 * pictures - 1, spoken], 1), []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return self.verdict(x), features


def feature_distance(made, wanted):
    return sum(
        (a - b).abs().mean() / b.abs().mean().clamp(min=0.05) for a, b in zip(made, wanted)
    )
