#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what tests/io/test_face_reference.cpp checks ops and nets of the face side against: what PyTorch, Keras and
NumPy compute.

For developers only; limbic neither builds nor runs with it. Needs numpy, h5py, torch and Keras 3 (pip install keras).

  KERAS_BACKEND=torch tools/make_face_reference.py tests/fixtures/face/reference.h5

Maps are stored as limbic holds them, [N,H,W,C]; weights in their published layout. The nets' weights are not stored:
both sides fill them from the formula `numbers`.
"""
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
import h5py
import keras
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def numbers(shape, key, scale=1.0):
    """Uniform numbers in [-scale, scale) from positions: the fraction of a large multiple of a sine."""
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    wave = np.sin(i * 12.9898 + key) * 43758.5453
    return ((2 * (wave - np.floor(wave)) - 1) * scale).astype(np.float32).reshape(shape)


def fill(parameters):
    """Fills [(kind, tensor-like shape)] in order; kind tells statistics from weights. Returns arrays."""
    arrays = []
    for key, (name, shape) in enumerate(parameters):
        if name.endswith(("running_var", "moving_variance", "norm.weight", "gamma")):
            arrays.append(1 + numbers(shape, key, 0.5))
        elif len(shape) < 2:
            arrays.append(numbers(shape, key, 0.1))
        else:
            fan_in = np.prod(shape[:-1]) if name.endswith("kernel") else np.prod(shape[1:])
            arrays.append(numbers(shape, key, float(np.sqrt(3 / fan_in))))
    return arrays


def fill_torch(net):
    state = {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    for tensor, array in zip(state.values(), fill([(k, tuple(v.shape)) for k, v in state.items()])):
        tensor.copy_(torch.from_numpy(array))


def fill_keras(weights):
    for weight, array in zip(weights, fill([(w.path, tuple(w.shape)) for w in weights])):
        weight.assign(array)


def to_torch(x):  # [N,H,W,C] -> [N,C,H,W]
    return torch.from_numpy(x).movedim(-1, 1).contiguous()


def from_torch(x):
    return x.detach().movedim(1, -1).contiguous().numpy()


def grids(out):
    for align in (False, True):
        for channels in (1, 3):
            group = out.create_group(f"grid/align{int(align)}_c{channels}")
            x = numbers((2, 9, 8, channels), 1)
            # no place falls on a pixel's centre, where the gradient jumps
            theta = np.array([[[0.913, 0.207, 0.117], [-0.311, 1.093, -0.213]],
                              [[1.307, -0.411, 0.289], [0.263, 0.719, 0.387]]], np.float32)
            dy = numbers((2, 7, 6, channels), 2)
            tx, tt = to_torch(x).requires_grad_(), torch.from_numpy(theta).requires_grad_()
            grid = F.affine_grid(tt, (2, channels, 7, 6), align_corners=align)
            grid.retain_grad()
            y = F.grid_sample(tx, grid, align_corners=align)
            y.backward(to_torch(dy))
            for name, value in dict(x=x, theta=theta, dy=dy, grid=grid.detach().numpy(), y=from_torch(y),
                                    dx=from_torch(tx.grad), dgrid=grid.grad.numpy(),
                                    dtheta=tt.grad.numpy()).items():
                group[name] = value


def padded_lstm(lstm, x, lengths):
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return nn.utils.rnn.pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=x.shape[1])[0]


def lstms(out):
    lengths = [9, 4, 1, 7]
    group = out.create_group("lstm")
    lstm = nn.LSTM(5, 6, num_layers=2, bidirectional=True, batch_first=True)
    fill_torch(lstm)
    x = torch.from_numpy(numbers((4, 9, 5), 20)).requires_grad_()
    dy = torch.from_numpy(numbers((4, 9, 12), 21))
    y = padded_lstm(lstm, x, torch.tensor(lengths))
    y.backward(dy)
    group["lengths"] = np.array(lengths, np.int32)
    group["x"], group["dy"] = x.detach().numpy(), dy.numpy()
    group["y"], group["dx"] = y.detach().numpy(), x.grad.numpy()
    for name, p in lstm.named_parameters():
        group["gradient/" + name] = p.grad.numpy()

    group = out.create_group("keras_lstm")
    layer = keras.layers.Bidirectional(keras.layers.LSTM(6, return_sequences=True))
    mask = np.arange(9)[None, :] < np.array(lengths)[:, None]
    layer.build((4, 9, 5))
    fill_keras(layer.weights)
    group["y"] = keras.ops.convert_to_numpy(layer(x.detach().numpy(), mask=mask)) * mask[:, :, None]


class SelfAttention(nn.Module):
    def __init__(self, features, layers):
        super().__init__()
        steps = []
        for i in range(layers):
            steps += [nn.Linear(features, features if i + 1 < layers else 1), nn.Tanh(), nn.Dropout(0.0)]
        self.attention = nn.Sequential(*steps)

    def forward(self, h, lengths):
        scores = torch.softmax(self.attention(h).squeeze(-1), -1)
        scores = scores * (torch.arange(h.shape[1])[None, :] < lengths[:, None])
        scores = scores / scores.sum(-1, keepdim=True)
        return (h * scores.unsqueeze(-1)).sum(1), scores


class Encoder(nn.Module):
    def __init__(self, features, units, layers):
        super().__init__()
        self.lstm = nn.LSTM(features, units, num_layers=layers, bidirectional=True, batch_first=True)


class FeatureExtractor(nn.Module):
    def __init__(self, features, units, layers):
        super().__init__()
        self.encoder = Encoder(features, units, layers)
        self.attention = SelfAttention(2 * units, layers)


class BilstmAttention(nn.Module):
    def __init__(self, features, units, layers, classes):
        super().__init__()
        self.feature_extractor = FeatureExtractor(features, units, layers)
        self.linear = nn.Linear(2 * units, classes)

    def forward(self, x, lengths):
        h = padded_lstm(self.feature_extractor.encoder.lstm, x, lengths)
        return self.linear(self.feature_extractor.attention(h, lengths)[0])


def attention(out):
    group = out.create_group("attention")
    lengths = torch.tensor([9, 4, 1, 7])
    layer = SelfAttention(12, 2)
    fill_torch(layer)
    h = torch.from_numpy(numbers((4, 9, 12), 30)).requires_grad_()
    dy = torch.from_numpy(numbers((4, 12), 31))
    y, weights = layer(h, lengths)
    y.backward(dy)
    group["lengths"], group["h"], group["dy"] = lengths.int().numpy(), h.detach().numpy(), dy.numpy()
    group["y"], group["weights"], group["dh"] = y.detach().numpy(), weights.detach().numpy(), h.grad.numpy()
    for name, p in layer.named_parameters():
        group["gradient/" + name] = p.grad.numpy()


class SpatialTransformer(nn.Module):
    def __init__(self, where, classes):
        super().__init__()
        self.where = where
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 3), nn.Conv2d(10, 10, 3)
        self.conv3, self.conv4 = nn.Conv2d(10, 10, 3), nn.Conv2d(10, 10, 3)
        self.norm = nn.BatchNorm2d(10)
        self.fc1, self.fc2 = nn.Linear(810, 50), nn.Linear(50, classes)
        if where != "everywhere":
            self.localization = nn.Sequential(nn.Conv2d(1, 8, 7), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(8, 10, 5),
                                              nn.MaxPool2d(2), nn.ReLU())
            self.fc_loc = nn.Sequential(nn.Linear(640, 32), nn.ReLU(), nn.Linear(32, 6))

    def forward(self, x):  # without dropout
        picture = x[:, :1]
        if self.where != "everywhere":
            theta = self.fc_loc(self.localization(x[:, -1:]).flatten(1)).view(-1, 2, 3)
            picture = F.grid_sample(picture, F.affine_grid(theta, picture.shape, align_corners=False),
                                    align_corners=False)
        x = F.relu(F.max_pool2d(self.conv2(F.relu(self.conv1(picture))), 2))
        x = F.relu(F.max_pool2d(self.norm(self.conv4(F.relu(self.conv3(x)))), 2))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def dcnn():
    L = keras.layers
    x = inputs = keras.Input((112, 112, 1))
    for i, (filters, size) in enumerate(((32, 5), (64, 5), (128, 3), (256, 3))):
        x = L.Conv2D(filters, size, padding="same")(x)
        x = L.ELU()(L.BatchNormalization()(x)) if i == 0 else L.BatchNormalization()(L.ELU()(x))
        x = L.MaxPooling2D(2)(x)
    x = L.BatchNormalization()(L.ELU()(L.Dense(128)(L.Flatten()(x))))
    return keras.Model(inputs, L.Dense(7)(x))


def resnet50():
    L = keras.layers
    base = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(64, 64, 3))
    x = L.Dense(512, activation="relu")(L.GlobalAveragePooling2D()(base.output))
    return keras.Model(base.input, L.Dense(7)(x))


def nets(out):
    lengths = torch.tensor([9, 4, 1, 7])
    sequences = numbers((4, 9, 5), 40)
    net = BilstmAttention(5, 6, 2, 8)
    fill_torch(net)
    with torch.no_grad():
        out["nets/bilstm-attention"] = net(torch.from_numpy(sequences), lengths).numpy()
        for name, where in (("guided-stn", "guide"), ("unguided-stn", "picture"), ("no-stn", "everywhere")):
            net = SpatialTransformer(where, 3).eval()
            fill_torch(net)
            if where != "everywhere":  # near the identity, where the face is
                net.fc_loc[2].weight.mul_(0.1)
                net.fc_loc[2].bias.add_(torch.tensor([1.0, 0, 0, 0, 1, 0]))
            x = numbers((2, 48, 48, 2 if where == "guide" else 1), 41)
            out["nets/" + name] = net(to_torch(x)).numpy()
    for name, model, size, scale in (("sys2-face", dcnn(), (2, 112, 112, 1), 1),
                                     ("resnet50", resnet50(), (1, 64, 64, 3), 100)):
        layers = [layer for layer in model.layers if layer.weights]
        if name == "resnet50":
            layers.sort(key=resnet_order)
        fill_keras([w for layer in layers for w in layer.weights])
        out["nets/" + name] = keras.ops.convert_to_numpy(model(numbers(size, 42, scale), training=False))
        out[f"nets/{name}_parameters"] = np.array([model.count_params()], np.int32)


def resnet_order(layer):
    """limbic's: block after block, the projection first, a normalisation behind its convolution; dense layers last."""
    if layer.name.startswith("dense"):
        return (9, layer.name)
    stack, *rest = layer.name.split("_")  # conv1_bn, conv2_block1_0_conv
    block, position = (int(rest[0][5:]), int(rest[1])) if len(rest) == 3 else (0, 0)
    return (int(stack[4:]), block, position, rest[-1] == "bn")


def salience(picture):
    """Spectral residual in NumPy: the amplitude's logarithm less its local mean, with the old phase."""
    def resize(x, h, w):
        def axis(n, m):
            at = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
            low = np.floor(at).astype(int)
            return low, np.minimum(low + 1, n - 1), at - low
        y0, y1, v = axis(x.shape[0], h)
        x0, x1, u = axis(x.shape[1], w)
        rows = x[:, x0] * (1 - u) + x[:, x1] * u
        return rows[y0] * (1 - v)[:, None] + rows[y1] * v[:, None]

    def smooth(x, weights):
        reach = len(weights) // 2
        p = np.pad(x, reach, mode="reflect")
        p = sum(w * p[i:i + x.shape[0]] for i, w in enumerate(weights))
        return sum(w * p[:, i:i + x.shape[1]] for i, w in enumerate(weights))

    spectrum = np.fft.fft2(resize(picture.astype(np.float64), 64, 64))
    log_amplitude = np.log(np.abs(spectrum))
    residual = log_amplitude - smooth(log_amplitude, np.ones(3) / 3)
    back = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum))))
    gauss = np.exp(-np.arange(-2, 3) ** 2 / 128.0)
    back = smooth(back, gauss / gauss.sum()) ** 2
    return resize(back / back.max(), *picture.shape)


def guides(out):
    for name, (h, w) in (("face", (48, 48)), ("wide", (30, 97))):
        y, x = np.mgrid[0:h, 0:w] / np.array([h, w])[:, None, None]
        picture = 0.6 - (x - 0.5) ** 2 - (y - 0.45) ** 2 + 0.05 * numbers((h, w), 50)
        for cx, cy in ((0.33, 0.4), (0.67, 0.4), (0.5, 0.75)):  # two eyes and a mouth
            picture -= 0.4 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 0.004)
        picture = picture.astype(np.float32)
        out[f"guide/{name}/picture"] = picture
        out[f"guide/{name}/salience"] = salience(picture).astype(np.float32)


def main():
    with h5py.File(sys.argv[1], "w", track_order=False) as out:
        grids(out)
        lstms(out)
        attention(out)
        nets(out)
        guides(out)


main()
