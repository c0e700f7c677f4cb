// SPDX-License-Identifier: Apache-2.0
#include "io/reader/child/media/resampler.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
}

#include <algorithm>
#include <new>
#include <stdexcept>

namespace limbic::reader {

Resampler::Resampler(int in_rate, int out_rate) : in_rate_(in_rate), out_rate_(out_rate) {
  if (in_rate == out_rate) return;
  AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
  if (swr_alloc_set_opts2(&context_, &mono, AV_SAMPLE_FMT_FLTP, out_rate, &mono, AV_SAMPLE_FMT_FLTP, in_rate, 0,
                          nullptr) < 0) {
    throw std::bad_alloc();
  }
  av_opt_set_int(context_, "filter_size", 128, 0);
  av_opt_set_double(context_, "cutoff", 0.95, 0);
  av_opt_set_int(context_, "filter_type", SWR_FILTER_TYPE_KAISER, 0);
  av_opt_set_double(context_, "kaiser_beta", 9, 0);
  av_opt_set_int(context_, "exact_rational", 1, 0);
  if (swr_init(context_) < 0) {
    swr_free(&context_);
    throw std::bad_alloc();
  }
}

Resampler::~Resampler() { swr_free(&context_); }

void Resampler::convert(const float* samples, int count, std::vector<float>& out) {
  const int room = swr_get_out_samples(context_, count);
  if (room <= 0) return;
  const size_t before = out.size();
  out.resize(before + static_cast<size_t>(room));
  auto* to = reinterpret_cast<uint8_t*>(out.data() + before);
  const auto* from = reinterpret_cast<const uint8_t*>(samples);
  const int made = swr_convert(context_, &to, room, samples ? &from : nullptr, count);
  out.resize(before + static_cast<size_t>(std::max(made, 0)));
  if (made < 0) throw std::bad_alloc();
}

void Resampler::push(const float* samples, size_t count, std::vector<float>& out) {
  if (!context_) {
    out.insert(out.end(), samples, samples + count);
    return;
  }
  // In pieces, so that a long silence filled in does not need its whole length twice.
  constexpr size_t piece = 1 << 16;
  for (size_t done = 0; done < count; done += piece) {
    convert(samples + done, static_cast<int>(std::min(piece, count - done)), out);
  }
}

void Resampler::finish(std::vector<float>& out) {
  if (context_) convert(nullptr, 0, out);
}

}  // namespace limbic::reader
