"""The same plain U-Net, loss and optimiser in PyTorch, written the way nnU-Net writes them."""
import torch
from torch import nn
import torch.nn.functional as F


def block(cin, cout, kernel, stride):
    return nn.Sequential(
        nn.Conv3d(cin, cout, kernel, stride, [(k - 1) // 2 for k in kernel]),
        nn.InstanceNorm3d(cout, eps=1e-5, affine=True),
        nn.LeakyReLU(0.01, inplace=True))


class UNet(nn.Module):
    def __init__(self, r):
        super().__init__()
        features, kernels, strides = r["features"], r["kernels"], r["strides"]
        self.encoder, self.up, self.decoder, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        cin = r["input_channels"]
        for f, k, s in zip(features, kernels, strides):
            self.encoder.append(nn.Sequential(block(cin, f, k, s), block(f, f, k, [1, 1, 1])))
            cin = f
        for i in range(len(features) - 2, -1, -1):
            f, k, s = features[i], kernels[i], strides[i + 1]
            self.up.append(nn.ConvTranspose3d(features[i + 1], f, s, s))
            self.decoder.append(nn.Sequential(block(2 * f, f, k, [1, 1, 1]), block(f, f, k, [1, 1, 1])))
            self.heads.append(nn.Conv3d(f, r["output_channels"], 1))

    def forward(self, x, all_outputs=True):
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        outputs = []
        for i, (up, decoder, head) in enumerate(zip(self.up, self.decoder, self.heads)):
            x = decoder(torch.cat((up(x), skips[-2 - i]), 1))
            if all_outputs or i == len(self.up) - 1:
                outputs.append(head(x))
        return outputs[::-1]


def dice_and_cross_entropy(logits, target):
    classes = logits.shape[1]
    probabilities = torch.softmax(logits, 1)
    with torch.no_grad():
        one_hot = torch.zeros_like(probabilities).scatter_(1, target, 1)
    axes = [2, 3, 4]
    p, y = probabilities[:, 1:], one_hot[:, 1:]
    intersection, total = (p * y).sum(axes), p.sum(axes) + y.sum(axes)
    dice = ((2 * intersection + 1e-5) / torch.clip(total + 1e-5, 1e-8)).mean()
    return F.cross_entropy(logits, target[:, 0]) - dice


class TrainingStep:
    def __init__(self, r):
        torch.manual_seed(1)
        self.net = UNet(r)
        self.optimizer = torch.optim.SGD(self.net.parameters(), 1e-3, momentum=0.99, nesterov=True, weight_decay=3e-5)
        n, size = r["n"], r["size"]
        self.x = torch.randn(n, r["input_channels"], *size)
        self.targets = []
        with torch.no_grad():
            shapes = [list(o.shape[2:]) for o in self.net(self.x[:1])]
        for s in shapes:
            self.targets.append(torch.randint(0, r["output_channels"], (n, 1, *s)))
        weights = [0.5 ** i for i in range(len(shapes))]
        weights[-1] = 0
        self.weights = [w / sum(weights) for w in weights]

    def __call__(self):
        self.optimizer.zero_grad(set_to_none=True)
        outputs = self.net(self.x)
        loss = sum(w * dice_and_cross_entropy(o, t) for w, o, t in zip(self.weights, outputs, self.targets) if w)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 12)
        self.optimizer.step()
        return loss.item()


class Prediction:
    def __init__(self, r):
        torch.manual_seed(1)
        self.net = UNet(r)
        self.x = torch.randn(r["n"], r["input_channels"], *r["size"])

    def __call__(self):
        with torch.no_grad():
            self.net(self.x, all_outputs=False)
