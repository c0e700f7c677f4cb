#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fixtures/front_ends.csv: decibels that torchlibrosa and librosa compute of tests/fixtures/voice_16k.s16.

For developers only; limbic neither builds nor runs with it. Needs torchlibrosa and librosa (pip). Samples 12,000 to
26,000 are taken as they are, whatever the preset's rate; three frames at each edge and three inside, four mels each.

  tools/make_front_end_reference.py > tests/fixtures/front_ends.csv
"""
import os

import librosa
import numpy as np
import torch
from torchlibrosa.stft import LogmelFilterBank, Spectrogram

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures")
FIRST, END = 12000, 26001  # edges in the midst of the voice, so that the padding is seen
PANNS = {"panns-32k": (32000, 1024, 320, 14000), "panns-16k": (16000, 512, 160, 8000), "panns-8k": (8000, 256, 80, 4000)}


def panns(x, rate, n_fft, hop, fmax):
    spectrogram = Spectrogram(n_fft=n_fft, hop_length=hop, win_length=n_fft, window="hann", center=True, pad_mode="reflect")
    log_mel = LogmelFilterBank(sr=rate, n_fft=n_fft, n_mels=64, fmin=50, fmax=fmax, ref=1.0, amin=1e-10, top_db=None)
    return log_mel(spectrogram(torch.from_numpy(x)[None]))[0, 0].numpy()


def system_2(x, pad_mode):
    mel = librosa.feature.melspectrogram(y=x.astype(np.float64), sr=48000, n_fft=1024, hop_length=512, n_mels=128, fmin=50,
                                         fmax=24000, power=2.0, center=True, pad_mode=pad_mode)
    return librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=80.0).T


def main():
    x = (np.fromfile(os.path.join(FIXTURES, "voice_16k.s16"), dtype="<i2")[FIRST:END] / 32768).astype(np.float32)
    maps = {name: panns(x, *sizes) for name, sizes in PANNS.items()}
    maps["librosa-48k"] = system_2(x, "constant")
    maps["librosa-48k-reflect"] = system_2(x, "reflect")
    print("front_end,frames,frame,mel,db")
    for name, db in maps.items():
        frames, mels = db.shape
        for t in (0, 1, 2, frames // 4, frames // 2, 3 * frames // 4, frames - 3, frames - 2, frames - 1):
            for m in (0, mels // 5, mels // 2, mels - 1):
                print(f"{name},{frames},{t},{m},{db[t, m]:.6f}")


main()
