#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what `limbic compare` checks a Cnn14 against: weights, and what PyTorch computes from them in f64.

For developers only; limbic neither builds nor runs with it. Needs Debian's python3-torch and python3-h5py
(PyTorch 1.13 or later, any device is fine: it uses the CPU).

  tools/make_reference.py --width-div 32 --out tests/fixtures/cnn14_w32 --classes 16 --small
  tools/make_reference.py --width-div 1 --out /tmp/cnn14_full

writes OUT/weights.h5 (PyTorch's names and layout), OUT/reference_eval.h5 and OUT/reference_train.h5. No dropout,
SpecAugment or mixup. The log-mel is made of two clips of noise and tones; without --small the sound and the STFT
matrices are stored as well.
"""
import argparse
import os

import h5py
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SR, N_FFT, HOP, FMIN, FMAX, MELS = 32000, 1024, 320, 50, 14000, 64


class ConvBlock(nn.Module):
    def __init__(self, inputs, outputs, pool):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.pool = pool

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.avg_pool2d(x, 2) if self.pool else x


class Cnn14(nn.Module):
    def __init__(self, width_div, classes):
        super().__init__()
        widths = [w // width_div for w in (64, 128, 256, 512, 1024, 2048)]
        self.bn0 = nn.BatchNorm2d(MELS)
        for i, (a, b) in enumerate(zip([1] + widths, widths)):
            setattr(self, f"conv_block{i + 1}", ConvBlock(a, b, i < 5))
        self.fc1 = nn.Linear(widths[-1], widths[-1])
        self.fc_audioset = nn.Linear(widths[-1], classes)

    def forward(self, logmel):  # [N,1,T,M]
        act = {"logmel": logmel}
        x = self.bn0(logmel.transpose(1, 3)).transpose(1, 3)
        act["bn0"] = act["net_input"] = x
        for i in range(1, 7):
            x = getattr(self, f"conv_block{i}")(x)
            act[f"block{i}"] = x
        x = x.mean(3)
        x = x.max(2)[0] + x.mean(2)
        act["pooled"] = x
        x = F.relu(self.fc1(x))
        act["fc1"] = act["embedding"] = x
        act["audioset_logits"] = self.fc_audioset(x)
        act["prob"] = torch.sigmoid(act["audioset_logits"])
        return act


def random_weights(net, rng, logmel):
    """Sizes as after training: Xavier weights, batch norms away from 1 and 0, and statistics of about this log-mel."""
    for name, p in net.named_parameters():
        if p.dim() > 1:
            fan_in = p[0].numel()
            fan_out = p.shape[0] * p[0, 0].numel() if p.dim() > 2 else p.shape[0]
            bound = np.sqrt(6 / (fan_in + fan_out))
            value = rng.uniform(-bound, bound, p.shape)
        elif name.endswith("weight"):
            value = rng.uniform(0.6, 1.4, p.shape)
        else:
            value = rng.uniform(-0.2, 0.2, p.shape)
        p.data = torch.from_numpy(value.astype(np.float32))
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for m in norms:
        m.momentum = 1.0  # one forward pass fills the running statistics
    with torch.no_grad():
        net(torch.from_numpy(logmel[:, None]).float())
    for m in norms:
        m.momentum = 0.1
        m.num_batches_tracked.fill_(600000)
        shape = m.running_mean.shape
        spread = torch.sqrt(m.running_var)
        m.running_mean += spread * torch.from_numpy(rng.uniform(-0.1, 0.1, shape).astype(np.float32))
        m.running_var *= torch.from_numpy(rng.uniform(0.8, 1.25, shape).astype(np.float32))


def sound(rng, samples):
    """Noise of changing loudness with a gliding tone: every mel bin hears something."""
    t = np.arange(samples) / SR
    clips = []
    for i in range(2):
        loud = 0.02 + 0.15 * np.abs(np.sin(2 * np.pi * (1.3 + i) * t))
        glide = 0.2 * np.sin(2 * np.pi * (200 + 300 * i + 900 * t) * t)
        clips.append(loud * rng.standard_normal(samples) * 0.5 + glide)
    return np.clip(np.round(np.stack(clips) * 32768), -32768, 32767).astype(np.int16)


def stft_matrices():
    n = np.arange(N_FFT)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / N_FFT)
    angle = 2 * np.pi * (np.outer(np.arange(N_FFT // 2 + 1), n) % N_FFT) / N_FFT
    return (np.cos(angle) * hann)[:, None], (-np.sin(angle) * hann)[:, None]


def mel_matrix():
    """Slaney's mel scale and area norm, [513,64]."""
    to_mel = lambda f: 3 * f / 200 if f < 1000 else 15 + 27 * np.log(f / 1000) / np.log(6.4)
    to_hz = lambda m: 200 * m / 3 if m < 15 else 1000 * np.exp((m - 15) * np.log(6.4) / 27)
    edge = np.array([to_hz(m) for m in np.linspace(to_mel(FMIN), to_mel(FMAX), MELS + 2)])
    hz = np.arange(N_FFT // 2 + 1)[:, None] * SR / N_FFT
    rise = (hz - edge[:-2]) / (edge[1:-1] - edge[:-2])
    fall = (edge[2:] - hz) / (edge[2:] - edge[1:-1])
    return np.maximum(0, np.minimum(rise, fall)) * 2 / (edge[2:] - edge[:-2])


def log_mel(waveform):
    padded = np.pad(waveform.astype(np.float64), ((0, 0), (N_FFT // 2,) * 2), mode="reflect")
    frames = 1 + waveform.shape[1] // HOP
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    cut = np.stack([padded[:, i * HOP : i * HOP + N_FFT] for i in range(frames)], 1) * hann
    power = np.abs(np.fft.rfft(cut)) ** 2
    return 10 * np.log10(np.maximum(power @ mel_matrix(), 1e-10))  # [N,T,M]


def sample(x, count=257):
    flat = x.reshape(-1)
    return flat[[i * (flat.size - 1) // (count - 1) for i in range(count)]]


def write(file, name, value, small):
    value = np.asarray(value)
    # In the small fixture f32 carries the f64 results: 6e-8 of each number, a thousandth of the tightest tolerance.
    if small and value.dtype == np.float64 and value.ndim > 0:
        value = value.astype(np.float32)
    # Without time stamps: the same run writes the same bytes.
    file.create_dataset(name, data=value, track_times=False)


def reference(net, mode, logmel, target, path, pcm, full_gradients, small):
    net = net.double()
    net.train(mode == "train")
    x = torch.from_numpy(logmel[:, None]).requires_grad_()
    act = net(x)
    for name in act:
        if name.startswith("block"):
            act[name].retain_grad()
    loss = F.binary_cross_entropy(act["prob"], torch.from_numpy(target))
    loss.backward()
    # Measured before the step; the parameters stay as they are in the weights file.
    before = {k: p.detach().clone() for k, p in net.named_parameters()}
    torch.optim.Adam(net.parameters(), lr=1e-3, amsgrad=True).step()

    with h5py.File(path, "w") as f:
        f.attrs["mode"] = np.bytes_(mode)
        f.attrs["torch"] = np.bytes_(str(torch.__version__))
        put = lambda name, value: write(f, name, value, small)
        put("input/target", target)
        if pcm is not None:
            put("input/pcm", pcm)
            put("input/waveform", (pcm / 32768.0).astype(np.float32))
        put("float64/loss", loss.item())
        for k, v in act.items():
            put(f"float64/act/{k}", v.detach().numpy())
            if k.startswith("block"):
                put(f"float64/act_grad_norm/{k}", v.grad.norm().item())
        put("float64/act_grad/logmel", x.grad.numpy())
        for k, p in net.named_parameters():
            g = p.grad.numpy()
            if g.size <= full_gradients:
                put(f"float64/grad/{k}", g)
            else:
                put(f"float64/grad_sample/{k}", sample(g))
            put(f"float64/grad_norm/{k}", np.linalg.norm(g.reshape(-1)))
            put(f"float64/grad_sum/{k}", g.sum())
            put(f"float64/adam_delta_norm/{k}", (p.detach() - before[k]).norm().item())
        for k, b in net.named_buffers():
            put(f"float64/bn_after/{k}", b.numpy())


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--out", required=True, help="folder to write")
    args.add_argument("--width-div", type=int, default=1, help="all widths divided by this")
    args.add_argument("--classes", type=int, default=527)
    args.add_argument("--frames", type=int, default=101, help="log-mel frames of each of the two clips")
    args.add_argument("--seed", type=int, default=0)
    args.add_argument("--small", action="store_true", help="no sound, no STFT matrices, f32 storage: a fixture to commit")
    a = args.parse_args()
    os.makedirs(a.out, exist_ok=True)
    rng = np.random.default_rng(a.seed)
    net = Cnn14(a.width_div, a.classes)
    pcm = sound(rng, (a.frames - 1) * HOP)
    logmel = log_mel(pcm / 32768.0).astype(np.float32).astype(np.float64)  # what limbic will read
    random_weights(net, rng, logmel)
    target = (rng.random((2, a.classes)) < 0.1).astype(np.float64)
    target[:, 0] = 1

    state = {k: v.clone() for k, v in net.state_dict().items()}
    with h5py.File(f"{a.out}/weights.h5", "w") as f:
        if not a.small:
            real, imag = stft_matrices()
            write(f, "spectrogram_extractor.stft.conv_real.weight", real.astype(np.float32), False)
            write(f, "spectrogram_extractor.stft.conv_imag.weight", imag.astype(np.float32), False)
            write(f, "logmel_extractor.melW", mel_matrix().astype(np.float32), False)
        for k, v in state.items():
            write(f, k, v.numpy(), False)
    for mode in ("eval", "train"):
        net.float().load_state_dict(state)
        net.zero_grad(set_to_none=True)
        reference(net, mode, logmel, target, f"{a.out}/reference_{mode}.h5", None if a.small else pcm,
                  3000 if a.small else 20000, a.small)


if __name__ == "__main__":
    main()
