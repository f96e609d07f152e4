"""The decoder of the speech tokenizer, ready for its training."""

import math

import torch
import torch.nn.functional as F
from qwen_tts.core.tokenizer_12hz import modeling_qwen3_tts_tokenizer_v2 as official
from qwen_tts.core.tokenizer_12hz.configuration_qwen3_tts_tokenizer_v2 import (
    Qwen3TTSTokenizerV2Config,
)
from torch import nn

import codes
import grid
import shape
from synthesiser import COUNT


def reset(model):
    """Initialises parameters for training, so that no layer changes the size of its input much."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d):
            inputs = module.weight[0].numel()
        elif isinstance(module, nn.ConvTranspose1d):
            inputs = module.in_channels * module.kernel_size[0] / module.stride[0]
        elif isinstance(module, nn.Linear):
            inputs = module.in_features
        else:
            continue
        nn.init.normal_(module.weight, std=inputs**-0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    for name, parameter in model.named_parameters():
        if name.endswith((".gamma", ".scale")):
            parameter.data.fill_(0.2)


def build():
    """Returns the official decoder with codebooks to be learnt; those of the letters are zero."""
    config = Qwen3TTSTokenizerV2Config(**shape.speech_tokenizer()).decoder_config
    config._attn_implementation = "sdpa"
    torch.manual_seed(1)
    decoder = official.Qwen3TTSTokenizerV2Decoder(config).float()
    reset(decoder)
    decoder.requires_grad_(False)
    quantizer = decoder.quantizer
    for part in (quantizer.rvq_first, quantizer.rvq_rest):
        part.output_proj.weight.requires_grad_(True)
    layers = [quantizer.rvq_first.vq.layers[0], *quantizer.rvq_rest.vq.layers]
    for book, layer in enumerate(layers):
        table = layer._codebook.embedding_sum
        layer._codebook.cluster_usage.data.fill_(1.0)
        table.data.zero_()
        if book in codes.HEARD_BOOKS:
            table.data.copy_(first_table(book, *table.shape))
            table.requires_grad_(True)
    for part in (decoder.pre_conv, decoder.pre_transformer, decoder.upsample, decoder.decoder[0]):
        part.requires_grad_(True)
    return decoder


def first_table(book, size, width):
    """Returns the initial codebook: of numbers, similar rows for similar numbers."""
    table = torch.randn(size, width) * 0.5
    if book in (codes.PERIODS_BOOK, codes.EDGE_BOOK, codes.LEVEL_BOOK):
        scale = {codes.PERIODS_BOOK: 1.0, codes.EDGE_BOOK: grid.EDGE_STEP, codes.LEVEL_BOOK: 1.0}
        places = torch.arange(size)[:, None] * scale[book]
        waves = torch.exp(torch.rand(width) * math.log(16)) / 16
        smooth = torch.sin(places * waves * 1.5 + torch.rand(width) * 2 * math.pi)
        table[1:] = smooth[1:] * 0.7
    return table


class Front(nn.Module):
    """The learnt part of a decoder: codes [batch, 16, frames] → [batch, 2 · COUNT, hops].

    As in `amplitudes`; the signs mean nothing.
    """

    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, columns):
        decoder = self.decoder
        x = decoder.pre_conv(decoder.quantizer.decode(columns)).transpose(1, 2)
        x = decoder.pre_transformer(inputs_embeds=x).last_hidden_state.transpose(1, 2)
        for stage in decoder.upsample:
            for layer in stage:
                x = layer(x)
        conv = decoder.decoder[0].conv
        x = F.pad(x, (conv.kernel_size[0] - 1, 0))
        return torch.sin(F.conv1d(x, conv.weight[: 2 * COUNT], conv.bias[: 2 * COUNT]))
