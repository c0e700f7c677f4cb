# SPDX-License-Identifier: Apache-2.0
"""The PyTorch side of `limbic bench net`: the same workloads in every setting a user would try.

Speaks a line protocol, so that both sides take turns in one run: a line `NAME SETTING` on stdin runs that workload once
and prints its milliseconds. It first prints the settings it has, one line a workload, then `ready VERSION`. Needs a
Python with torch; nothing else of limbic does.

Arguments: THREADS WORKLOAD,WORKLOAD,... DEVICE (cpu or cuda)
"""
import contextlib
import os
import sys
import time

THREADS = int(sys.argv[1])
WANTED = sys.argv[2].split(",")
DEVICE = sys.argv[3]
os.environ["OMP_NUM_THREADS"] = str(THREADS)
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(THREADS)
torch.manual_seed(0)
torch.set_default_device(DEVICE)


def finish():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


class ConvBlock(nn.Module):
    def __init__(self, c, k):
        super().__init__()
        self.conv1 = nn.Conv2d(c, k, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(k, k, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(k), nn.BatchNorm2d(k)

    def forward(self, x, pool):
        x = F.relu_(self.bn1(self.conv1(x)))
        x = F.relu_(self.bn2(self.conv2(x)))
        return F.avg_pool2d(x, 2) if pool else x


class Cnn14(nn.Module):
    def __init__(self, classes=527):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(64)
        c = [1, 64, 128, 256, 512, 1024, 2048]
        self.blocks = nn.ModuleList(ConvBlock(c[i], c[i + 1]) for i in range(6))
        self.fc1, self.fc_audioset = nn.Linear(2048, 2048), nn.Linear(2048, classes)

    def forward(self, x):
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)
        for i, block in enumerate(self.blocks):
            x = F.dropout(block(x, i < 5), 0.2, self.training)
        x = x.mean(3)
        x = x.max(2)[0] + x.mean(2)
        x = F.relu(self.fc1(F.dropout(x, 0.5, self.training)))
        return torch.sigmoid(self.fc_audioset(x))


def amp():
    """Mixed precision as PyTorch's own recipe has it: bf16 where autocast finds it safe, weights in f32."""
    return torch.autocast(DEVICE, dtype=torch.bfloat16)


def infer_on_gpu(frames):
    x = torch.randn(1, 1, frames, 64)
    xl = x.to(memory_format=torch.channels_last)
    plain, last = Cnn14().eval(), Cnn14().eval().to(memory_format=torch.channels_last)
    compiled = torch.compile(last)

    def mixed(net):
        def step():
            with torch.no_grad(), amp():
                net(xl)
        return step

    def eager():
        with torch.no_grad():
            plain(x)

    return {"eager": eager, "eager_amp": mixed(last), "compile_amp": mixed(compiled)}


def infer(frames):
    if DEVICE == "cuda":
        return infer_on_gpu(frames)
    x = torch.randn(1, 1, frames, 64)
    with torch.no_grad():
        plain = Cnn14().eval()
        last = Cnn14().eval().to(memory_format=torch.channels_last)
        xl = x.to(memory_format=torch.channels_last)
        frozen = torch.jit.optimize_for_inference(torch.jit.trace(last, xl))
        compiled = torch.compile(last, mode="max-autotune")

    def no_grad(net, data):
        def step():
            with torch.no_grad():
                net(data)
        return step

    return {"eager": no_grad(plain, x), "channels_last": no_grad(last, xl), "frozen": no_grad(frozen, xl),
            "compile": no_grad(compiled, xl)}


def train(frames, batch):
    def step(channels_last, compiled, mixed=False):
        net = Cnn14().train()
        x, y = torch.randn(batch, 1, frames, 64), torch.rand(batch, 527)
        if channels_last:
            net = net.to(memory_format=torch.channels_last)
            x = x.to(memory_format=torch.channels_last)
        optimiser = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
        forward = torch.compile(net) if compiled else net

        def run():
            optimiser.zero_grad(set_to_none=True)
            with amp() if mixed else contextlib.nullcontext():
                p = forward(x)
            F.binary_cross_entropy(p.float(), y).backward()
            optimiser.step()
        return run

    if DEVICE == "cuda":
        return {"eager": step(False, False), "eager_amp": step(True, False, True), "compile_amp": step(True, True, True)}
    return {"eager": step(False, False), "channels_last": step(True, False), "compile": step(True, True)}


def logmel():
    n_fft, hop, rate = 1024, 320, 32000
    y, window = torch.randn(1, rate * 10) * 0.1, torch.hann_window(n_fft)
    mels = torch.rand(64, n_fft // 2 + 1)  # dense, as torchaudio multiplies it

    def run():
        with torch.no_grad():
            s = torch.stft(y, n_fft, hop, window=window, center=True, pad_mode="reflect", return_complex=True)
            return 10 * torch.log10(torch.clamp(mels @ (s.real ** 2 + s.imag ** 2), min=1e-10))
    return {"stft+mel": run}


workloads = {"cnn14_infer": lambda: infer(401), "cnn14_train": lambda: train(401, 8), "logmel": logmel}
made = {}
for name in WANTED:
    made[name] = workloads[name]()
    for step in made[name].values():
        step()
        step()
    finish()
    print(name, *made[name], flush=True)
print("ready", torch.__version__, flush=True)
for line in sys.stdin:
    name, setting = line.split()
    start = time.perf_counter()
    made[name][setting]()
    finish()
    print(f"{(time.perf_counter() - start) * 1e3:.4f}", flush=True)
