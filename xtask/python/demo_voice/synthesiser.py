"""A harmonic synthesiser in the official decoder's layers: constants make sound of amplitudes.

The voice is a sum of harmonics of the pitch. The amplitude of each has a steady part, which makes the
tone, and a part that is multiplied by noise, which makes breath and hiss. (Serra and Smith, 1990, filter
one noise instead.) What the decoder learns is these amplitudes, 200 a second, as a function of the codes:
the output of its first convolution. The rest is constant:

- The phase within a frame is a cubic polynomial whose coefficients are linear in the codes of the pitch
  (see `grid.frequencies`). Residual paths carry the polynomial through the layers, and each upsampling
  convolution, whose weights depend on the position in its stride, moves it to the beginning of its outputs.
- The noise is a random linear function of the codes and of the position.
- A snake, x + sin²(αx) / β, multiplies: sin²(p + q) − sin²(p − q) = sin 2p · sin 2q.
- Upsampling convolutions, whose kernels are two strides long, interpolate amplitudes linearly.

The weights are constants that bfloat16 can hold, or pairs of them where the phase must be exact.
"""

import math

import torch

import codes
import grid

CONSTANT = 2048.0  # so large in the transformer that its norm is a division by a constant
# The books whose codes vary the noise from frame to frame; those of the letters say nothing else here.
SEED_BOOKS = (2, 3, 5, codes.PERIODS_BOOK, codes.EDGE_BOOK, codes.LEVEL_BOOK)
PERIODS, EDGE, START = 1, 2, 3  # channels of the transformer; 0 is the constant
SEEDS = range(4, 4 + len(SEED_BOOKS))
PATHS = slice(0, SEEDS.stop)
NUMBERS = slice(0, 2 + len(SEED_BOOKS))  # of a codebook's entry: periods, edge, seeds
POLYNOMIAL = 4  # coefficients; they come twice, for pairs of weights
POLY = 2 * POLYNOMIAL
NOISES = 8  # channels
CARRIED = slice(0, POLY + NOISES)  # channels of the upsampling stages that are not learnt
TRANSPARENT = 20.0  # logarithm of a beta that makes a snake the identity
LOG_ALPHA = 6.9375  # of the harmonics, so that their inputs are small
LOG_GAIN = 7.0  # of the harmonics' snakes, so that their linear part is nothing beside it

# The harmonics: all of the lower ones, and every third of the others, which are mostly noise.
HARMONICS = [*range(1, 33), *range(35, 81, 3)]
COUNT = len(HARMONICS)
LOUDEST = 0.5  # the amplitude of a harmonic that is written as 1


def rounded(value):
    return float(torch.tensor(value).bfloat16())


def shift(rate, position):
    """Returns the matrix that moves a polynomial on [0, 1] to a part of it, of 1 / rate."""
    start = position / rate
    return [
        [math.comb(q, p) * start ** (q - p) / rate**p if q >= p else 0.0 for q in range(POLYNOMIAL)]
        for p in range(POLYNOMIAL)
    ]


def hermite():
    """Returns the polynomial's coefficients by (periods, edge, start), less the unvoiced pitch."""
    return [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [3.0, -1.0, -2.0], [-2.0, 1.0, 1.0]]


def random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).bfloat16().float()


def orthogonal(seed, rows):
    """Returns `rows` orthogonal vectors of NOISES numbers, which carry a variance of 1 on."""
    square = torch.linalg.qr(random(seed, NOISES, NOISES)).Q
    return (square[:rows] * math.sqrt(NOISES / rows)).bfloat16().float()


def phases():
    """Returns the phase of each harmonic at the beginning of a period.

    They are random, since with equal phases the noise of all harmonics would come in bursts.
    """
    generator = torch.Generator().manual_seed(9)
    return torch.rand(COUNT, generator=generator) * 2 * math.pi


class Synthesiser:
    """Installs the constants in a decoder, and keeps those of the learnt part while it is trained."""

    def __init__(self, decoder):
        self.kept = []
        with torch.no_grad():
            self.codebooks(decoder.quantizer)
            self.transformer(decoder)
            self.upsampling(decoder.upsample)
            amplitudes, block, last_block, last_snake, last = decoder.decoder
            self.amplitudes(amplitudes.conv)
            noise_block(block.block)
            harmonic_block(last_block.block)
            transparent(last_snake)
            clear(last.conv)
            last.conv.weight[0, SUM, -1] = 1.0
            self.kept = [(whole, mask, whole[mask].clone()) for whole, mask in self.kept]

    def ignore(self):
        """Removes the gradients of the constants."""
        for parameter, mask, _ in self.kept:
            if parameter.grad is not None:
                parameter.grad[mask.to(parameter.device)] = 0.0

    @torch.no_grad()
    def keep(self):
        """Restores the constants, which a step of an optimiser may have changed."""
        for parameter, mask, values in self.kept:
            parameter[mask.to(parameter.device)] = values.to(parameter.device)

    def fix(self, parameter, place):
        """Sets a part of a parameter to zero, or to what is set after it, for good."""
        parameter[place] = 0.0
        mask = torch.zeros(parameter.shape, dtype=torch.bool)
        mask[place] = True
        self.kept.append((parameter, mask))

    def codebooks(self, quantizer):
        first, rest = quantizer.rvq_first, quantizer.rvq_rest
        for book, layer in enumerate(rest.vq.layers, 1):
            table = layer._codebook.embedding_sum
            self.fix(table, (slice(None), NUMBERS))
            places = torch.arange(len(table), dtype=torch.float32)
            if book == codes.PERIODS_BOOK:
                table[1:, 0] = places[1:] - grid.UNVOICED_PERIODS
            if book == codes.EDGE_BOOK:
                table[1:, 1] = codes.edge_of(places[1:]) - grid.UNVOICED_PERIODS
            if book in SEED_BOOKS:
                table[:, 2 + SEED_BOOKS.index(book)] = random(book, len(table)).sign()
        self.fix(first.output_proj.weight, NUMBERS)
        weight = rest.output_proj.weight
        self.fix(weight, (slice(None), NUMBERS))
        self.fix(weight, NUMBERS)
        for channel in range(NUMBERS.stop):
            weight[channel, channel] = 1.0

    def transformer(self, decoder):
        conv, inner = decoder.pre_conv.conv, decoder.pre_transformer
        self.fix(conv.weight, (slice(None), NUMBERS))
        self.fix(conv.weight, PATHS)
        self.fix(conv.bias, PATHS)
        conv.bias[0] = CONSTANT
        conv.weight[PERIODS, 0, 2] = conv.weight[EDGE, 1, 2] = conv.weight[START, 1, 1] = 1.0
        for number, channel in enumerate(SEEDS):
            conv.weight[channel, 2 + number, 2] = 1.0
        gain = rounded(CONSTANT / math.sqrt(inner.norm.weight.shape[0]))
        for linear in (inner.input_proj, inner.output_proj):
            self.fix(linear.weight, (slice(None), PATHS))
            self.fix(linear.weight, PATHS)
            self.fix(linear.bias, PATHS)
            for channel in range(PATHS.stop):
                linear.weight[channel, channel] = 1.0
        inner.output_proj.weight[0, 0] = 0.0
        inner.output_proj.bias[0] = 1.0
        norms = [inner.norm]
        for layer in inner.layers:
            norms += [layer.input_layernorm, layer.post_attention_layernorm]
            for scale in (layer.self_attn_layer_scale, layer.mlp_layer_scale):
                self.fix(scale.scale, PATHS)
        for norm in norms:
            norm.weight[:] = gain
            self.fix(norm.weight, PATHS)
        inner.norm.weight[1 : PATHS.stop] = gain

    def upsampling(self, stages):
        for index, (conv, block) in enumerate(stages):
            weight, rate = conv.conv.weight, conv.conv.stride[0]  # [in, out, position]
            self.fix(weight, PATHS if index == 0 else CARRIED)
            self.fix(weight, (slice(None), CARRIED))
            self.fix(conv.conv.bias, CARRIED)
            seeds = (0, *SEEDS) if index == 0 else range(POLY, CARRIED.stop)
            for position in range(rate):
                matrix = torch.tensor(shift(rate, position))
                if index == 0:
                    matrix = matrix @ torch.tensor(hermite())
                first = PERIODS if index == 0 else 0
                for copy in (0, POLYNOMIAL):
                    into = slice(first, first + matrix.shape[1])
                    weight[into, copy : copy + POLYNOMIAL, position] = matrix.T
                mix = orthogonal(100 * index + position, len(seeds))
                weight[list(seeds), POLY : CARRIED.stop, position] = mix
            self.fix(block.dwconv.conv.weight, CARRIED)
            self.fix(block.dwconv.conv.bias, CARRIED)
            self.fix(block.gamma, CARRIED)

    def amplitudes(self, conv):
        """The learnt amplitudes with both signs: the snakes of both sum to the square of a sine."""
        self.fix(conv.weight, (slice(None), CARRIED))
        rest = slice(4 * COUNT, None)
        self.fix(conv.weight, rest)
        self.fix(conv.bias, rest)
        for channel in range(CARRIED.stop):
            conv.weight[4 * COUNT + channel, channel, -1] = 1.0
        # What the codes do not say: the pitch of a frame without a voice, per polynomial.
        for copy in (0, POLYNOMIAL):
            conv.bias[4 * COUNT + copy + 1] = grid.UNVOICED_PERIODS / grid.STEPS
        mirror(conv)


SUM = COUNT + 2  # channel of the sound


def mirror(conv):
    """Copies the learnt amplitudes with the opposite sign."""
    own, other = slice(0, 2 * COUNT), slice(2 * COUNT, 4 * COUNT)
    conv.weight.data[other] = -conv.weight.data[own]
    conv.bias.data[other] = -conv.bias.data[own]


def clear(conv):
    conv.weight.zero_()
    conv.bias.zero_()


def transparent(snake):
    snake.alpha.zero_()
    snake.beta.fill_(TRANSPARENT)


def pair(weight, channel, position, coefficients, first):
    """Sets weights from the polynomial, each as a sum of two that bfloat16 can hold."""
    for source, value in enumerate(coefficients):
        high = rounded(value)
        weight[first + source, channel, position] = high
        weight[first + source + POLYNOMIAL, channel, position] = rounded(value - high)


def interpolate(weight, source, channel, factor=1.0, end=0):
    """From the value of the stride before to that of this one, which it has at its end.

    With `end` 1, so do the samples.
    """
    rate = weight.shape[2] // 2
    for position in range(rate):
        part = (position + end) / rate
        weight[source, channel, position] = factor * part
        weight[source, channel, position + rate] = factor * (1 - part)


def noise_block(parts):
    """From 200 to 1000 amplitudes a second, where the random parts are made and join the steady ones."""
    snake, up, *units = parts
    transparent(snake)
    snake.beta[: 4 * COUNT] = 0.0
    clear(up.conv)
    weight, rate = up.conv.weight, up.conv.stride[0]
    poly_in, poly_out = 4 * COUNT, 2 * COUNT
    for channel in range(2 * COUNT):
        for sign in (0, 2 * COUNT):
            interpolate(weight, channel + sign, channel, factor=0.5, end=1)
    for position in range(rate):
        for row, coefficients in enumerate(shift(rate, position)):
            for copy in (0, POLYNOMIAL):
                pair(weight, poly_out + copy + row, position, coefficients, poly_in)
    for channel in range(POLY, POLY + NOISES):
        interpolate(weight, poly_in + channel, poly_out + channel, end=1)
    mixes = random(200, COUNT, NOISES) / NOISES**0.5 * INTERPOLATED**-0.5
    share = up.conv.weight.shape[1] // 4
    for number, unit in enumerate(units):
        silence(unit)
        unit.act2.beta.zero_()
        for place, harmonic in enumerate(range(COUNT)[number * share : (number + 1) * share]):
            multiply(unit, 4 * place, harmonic, mixes[harmonic])


INTERPOLATED = 2 / 3  # of the variance of noise is left between its values
NOISE_SCALE = 0.25  # so that the sine of noise is almost the noise


def multiply(unit, place, harmonic, mix):
    """Adds amplitude times noise to the steady amplitude, by four snakes from channel `place`."""
    noises = slice(2 * COUNT + POLY, 2 * COUNT + POLY + NOISES)
    # The mean square of sin(2 · NOISE_SCALE · z), for noise z with the variance 1.
    power = (1 - math.exp(-8 * NOISE_SCALE**2)) / 2
    for sign, difference in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        channel = place + (1 - sign) // 2 + (1 - difference)
        unit.conv1.conv.weight[channel, COUNT + harmonic, -1] = sign * difference * 0.5
        unit.conv1.conv.weight[channel, noises, -1] = sign * NOISE_SCALE * mix
        unit.conv2.conv.weight[harmonic, channel, 0] = difference / (2 * math.sqrt(power))


def silence(unit):
    transparent(unit.act1)
    transparent(unit.act2)
    clear(unit.conv1.conv)
    clear(unit.conv2.conv)


def harmonic_block(parts):
    """From 1000 amplitudes a second and the phase to the sum of the harmonics."""
    snake, up, *units = parts
    transparent(snake)
    clear(up.conv)
    weight, rate = up.conv.weight, up.conv.stride[0]
    for channel in range(COUNT):
        interpolate(weight, channel, channel)
    for position in range(rate):
        for copy in (0, 1):
            pair(weight, COUNT + copy, position, shift(rate, position)[0], 2 * COUNT)
    share, turned = weight.shape[1] // 2, phases()
    for number, unit in enumerate(units):
        silence(unit)
        unit.act2.alpha.fill_(LOG_ALPHA)
        unit.act2.beta.fill_(-LOG_GAIN)
        for place, harmonic in enumerate(range(COUNT)[number * share : (number + 1) * share]):
            sound(unit, 2 * place, harmonic, float(turned[harmonic]))


def sound(unit, place, harmonic, phase):
    """Adds a harmonic to the sum, by two snakes from channel `place`."""
    alpha = math.exp(LOG_ALPHA)
    turn = math.pi * HARMONICS[harmonic] / alpha
    for channel, sign in ((place, 1), (place + 1, -1)):
        conv = unit.conv1.conv
        conv.weight[channel, COUNT, -1] = rounded(turn)
        conv.weight[channel, COUNT + 1, -1] = rounded(turn - rounded(turn))
        conv.weight[channel, harmonic, -1] = sign * 0.5 / alpha
        conv.bias[channel] = phase / 2 / alpha
        unit.conv2.conv.weight[SUM, channel, 0] = sign * LOUDEST * math.exp(-LOG_GAIN)
