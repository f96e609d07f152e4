"""A phase for the decoder: the pitch codes drive oscillators in the official layers.

On the grid the phase of the voice within a frame is a cubic polynomial of time, whose coefficients are
linear in the codes of the pitch (see `grid.cycles`). Residual paths carry the polynomial through the
decoder, and each upsampling convolution, whose weights depend on the position in its stride, moves it
to the beginning of its outputs. A snake, x + sin²(αx) / β, makes harmonics of the phase. So the decoder
need not learn to count periods; what the harmonics become is learnt.

The weights of these paths are constants that bfloat16 can hold, or pairs of them.
"""

import math

import torch

import codes
import grid

CONSTANT = 2048.0  # so large in the transformer that its norm is a division by a constant
PERIODS, EDGE, START = 1, 2, 3  # channels of the transformer; 0 is the constant
POLYNOMIAL = 4  # coefficients; they come twice, for pairs of weights
TRANSPARENT = 20.0  # logarithm of a beta that makes a snake the identity
LOG_ALPHA = 6.9375  # of the oscillators, so that their inputs are small
HARMONICS = ((1, 2, 3, 4, 5, 6, 7, 8, 12, 16), (1, 2, 3, 4, 6, 8, 12, 16), (1, 2, 4, 8))


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


class Oscillator:
    """Installs the paths in a decoder, and keeps them while the rest is trained."""

    def __init__(self, decoder):
        self.kept = []
        with torch.no_grad():
            self.codebooks(decoder.quantizer)
            self.transformer(decoder)
            self.upsampling(decoder.upsample)
            self.blocks(decoder.decoder)

    def keep(self):
        """Removes the gradients of the constants, some of which are larger than all others."""
        for parameter, mask in self.kept:
            if parameter.grad is not None:
                parameter.grad[mask] = 0.0

    def fix(self, parameter, place, value=0.0):
        """Sets a part of a parameter to constants."""
        parameter[place] = value
        mask = torch.zeros(parameter.shape, dtype=torch.bool)
        mask[place] = True
        self.kept.append((parameter, mask))

    def codebooks(self, quantizer):
        first, rest = quantizer.rvq_first, quantizer.rvq_rest
        for book, layer in enumerate(rest.vq.layers, 1):
            table = layer._codebook.embedding_sum
            self.fix(table, (slice(None), slice(0, 2)))
            places = torch.arange(len(table), dtype=torch.float32)
            if book == codes.PERIODS_BOOK:
                table[1:, 0] = places[1:] - grid.UNVOICED_PERIODS
            if book == codes.EDGE_BOOK:
                edges = grid.LEAST_PERIODS + (places[1:] - 1) * grid.EDGE_STEP
                table[1:, 1] = edges - grid.UNVOICED_PERIODS
        self.fix(first.output_proj.weight, slice(0, 2))
        weight = rest.output_proj.weight
        self.fix(weight, (slice(None), slice(0, 2)))
        self.fix(weight, slice(0, 2))
        weight[0, 0] = weight[1, 1] = 1.0

    def transformer(self, decoder):
        conv, inner = decoder.pre_conv.conv, decoder.pre_transformer
        paths = slice(0, 4)
        self.fix(conv.weight, (slice(None), slice(0, 2)))
        self.fix(conv.weight, paths)
        self.fix(conv.bias, paths)
        conv.bias[0] = CONSTANT
        conv.weight[PERIODS, 0, 2] = conv.weight[EDGE, 1, 2] = conv.weight[START, 1, 1] = 1.0
        gain = rounded(CONSTANT / math.sqrt(inner.norm.weight.shape[0]))
        for linear in (inner.input_proj, inner.output_proj):
            self.fix(linear.weight, (slice(None), paths))
            self.fix(linear.weight, paths)
            self.fix(linear.bias, paths)
            for channel in range(4):
                linear.weight[channel, channel] = 1.0
        inner.output_proj.weight[0, 0] = 0.0
        norms = [inner.norm]
        for layer in inner.layers:
            norms += [layer.input_layernorm, layer.post_attention_layernorm]
            for scale in (layer.self_attn_layer_scale, layer.mlp_layer_scale):
                self.fix(scale.scale, paths)
        for norm in norms:
            norm.weight[:] = gain
            self.fix(norm.weight, paths)
        inner.norm.weight[1:4] = gain

    def upsampling(self, stages):
        poly = slice(0, 2 * POLYNOMIAL)
        for index, (conv, block) in enumerate(stages):
            weight = conv.conv.weight  # [in, out, position]
            inputs = slice(0, 4) if index == 0 else poly
            self.fix(weight, inputs)
            self.fix(weight, (slice(None), poly))
            self.fix(conv.conv.bias, poly)
            for position in range(2):
                matrix = torch.tensor(shift(2, position))
                if index == 0:
                    matrix = matrix @ torch.tensor(hermite())
                first = PERIODS if index == 0 else 0
                for copy in (0, POLYNOMIAL):
                    into = slice(first, first + matrix.shape[1])
                    weight[into, copy : copy + POLYNOMIAL, position] = matrix.T
            self.fix(block.dwconv.conv.weight, poly)
            self.fix(block.dwconv.conv.bias, poly)
            self.fix(block.gamma, poly)

    def blocks(self, layers):
        poly = slice(0, 2 * POLYNOMIAL)
        first = layers[0].conv
        self.fix(first.weight, (slice(None), poly))
        self.fix(first.weight, poly)
        self.fix(first.bias, poly)
        for channel in range(2 * POLYNOMIAL):
            first.weight[channel, channel, -1] = 1.0
        # What the codes do not say: the pitch of a frame without a voice, per polynomial.
        first.bias[1] = first.bias[1 + POLYNOMIAL] = grid.UNVOICED_PERIODS / 4
        known = []  # input channels that are oscillators
        for layer, harmonics in zip(layers[1:], [*HARMONICS, ()]):
            known = self.block(layer.block, harmonics, known, bool(harmonics))

    def block(self, parts, harmonics, known, poly_in):
        """Installs the oscillators of a stage; returns its channels that are oscillators."""
        snake, conv, *units = parts
        weight, bias, rate = conv.conv.weight, conv.conv.bias, conv.conv.stride[0]
        self.oscillate(snake, known)
        if not poly_in:
            return []
        poly = slice(0, 2 * POLYNOMIAL)
        self.fix(snake.beta, poly, TRANSPARENT)
        self.fix(weight, poly)
        last = harmonics == HARMONICS[-1]
        begin = 0 if last else 2 * POLYNOMIAL
        made = range(begin, begin + 2 * len(harmonics))
        fixed = slice(0, made.stop)
        self.fix(weight, (slice(None), fixed))
        self.fix(bias, fixed)
        alpha = math.exp(LOG_ALPHA)
        for position in range(rate):
            rows = shift(rate, position)
            if not last:
                for row, coefficients in enumerate(rows):
                    for copy in (0, POLYNOMIAL):
                        self.pair(weight, row + copy, position, coefficients)
            for order, harmonic in enumerate(harmonics):
                scaled = [math.pi * harmonic / alpha * value for value in rows[0]]
                for quarter in (0, 1):
                    self.pair(weight, made[2 * order + quarter], position, scaled)
                    bias[made[2 * order + quarter]] = rounded(quarter * math.pi / 4 / alpha)
        for unit in units:
            self.oscillate(unit.act1, made)
            if not last:
                self.fix(unit.act1.beta, poly, TRANSPARENT)
                self.fix(unit.conv1.conv.weight, (slice(None), poly))
            self.fix(unit.conv2.conv.weight, fixed)
            self.fix(unit.conv2.conv.bias, fixed)
        return made

    def pair(self, weight, channel, position, coefficients):
        """Sets weights from the polynomial, each as a sum of two that bfloat16 can hold."""
        for source, value in enumerate(coefficients):
            high = rounded(value)
            weight[source, channel, position] = high
            weight[source + POLYNOMIAL, channel, position] = rounded(value - high)

    def oscillate(self, snake, channels):
        if channels:
            self.fix(snake.alpha, slice(channels[0], channels[-1] + 1), LOG_ALPHA)
