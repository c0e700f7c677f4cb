// SPDX-License-Identifier: Apache-2.0
#include "nets/panns.h"

#include <string>

namespace limbic {

Panns::Panns(PannsRate rate, const NetOptions& o)
    : front_end_tensors(rate, o.mels),
      bn0(o.mels),
      fc1(o.widths.back(), o.embedding),
      fc_audioset(o.embedding, o.classes) {
  add_buffer("spectrogram_extractor.stft.conv_real.weight", front_end_tensors.conv_real);
  add_buffer("spectrogram_extractor.stft.conv_imag.weight", front_end_tensors.conv_imag);
  add_buffer("logmel_extractor.melW", front_end_tensors.mel_w);
  add_child("bn0", bn0);

  front_end = panns_front_end(rate).name;
  options = o;
  decision = Decision::sigmoid;
  typical_frames = 1001;
  last_layer = "fc_audioset";
  block_dropout = 0.2f;
  head_dropout = 0.5f;
}

void Panns::add_blocks(const std::vector<Module*>& blocks) {
  int number = 0;
  for (Module* block : blocks) add_child("conv_block" + std::to_string(++number), *block);
  add_child("fc1", fc1);
  add_child("fc_audioset", fc_audioset);
  init_xavier(*this);
}

// Shapes of Cnn14.
Tensor Panns::embed(const Tensor& log_mel) {
  check_log_mel(*this, log_mel);
  Tensor x = bn0(log_mel);                            // [N,T,64]: each mel bin is a channel here
  x = reshape(x, {x.dim(0), x.dim(1), x.dim(2), 1});  // [N,T,64,1]
  x = blocks(x);                                      // [N,T/32,2,2048]
  x = mean(x, {2});                                   // [N,T/32,2048]
  x = max(x, {1}) + mean(x, {1});                     // [N,2048]
  x = dropout(x, head_dropout, training());           // [N,2048]
  return relu(fc1(x));                                // [N,2048]
}

// Upstream drops out the embedding too, but feeds AudioSet's layer without that.
Tensor Panns::forward(const Tensor& log_mel) {
  return fc_audioset(embed(log_mel));  // [N,527]
}

NetOptions panns_options(NetOptions o, const std::vector<int>& widths, int embedding) {
  if (o.widths.empty()) o.widths = widths;
  if (o.embedding == 0) o.embedding = embedding;
  if (o.mels == 0) o.mels = 64;
  if (o.classes == 0) o.classes = 527;
  return o;
}

}  // namespace limbic
