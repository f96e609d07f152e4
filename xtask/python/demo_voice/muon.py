"""Muon: momentum whose matrices are made orthogonal (Jordan et al., 2024), in float32.

PyTorch's own computes in bfloat16, which takes a third of a step on CPUs without such products.
"""

import torch

COEFFICIENTS = (3.4445, -4.775, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95


def orthogonal(matrices):
    """Returns the nearest orthogonal matrices, roughly: [n, rows, columns], by Newton and Schulz."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + torch.baddbmm(gram, gram, gram, beta=b, alpha=c) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """For matrices and kernels, [outputs, ...]; steps are as long as those of AdamW."""

    def __init__(self, parameters, lr, weight_decay):
        super().__init__(list(parameters), {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for parameter in group["params"]:
                shapes.setdefault(parameter.shape, []).append(parameter)
            for shape, parameters in shapes.items():
                updates = torch.stack([self.update(parameter).flatten(1) for parameter in parameters])
                length = group["lr"] * 0.2 * max(updates.shape[1:]) ** 0.5
                for parameter, update in zip(parameters, orthogonal(updates)):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update.view(shape), alpha=-length)

    def update(self, parameter):
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(parameter.grad, 1 - MOMENTUM)
        return parameter.grad.lerp(state["momentum"], MOMENTUM)
