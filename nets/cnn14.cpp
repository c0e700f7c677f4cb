// SPDX-License-Identifier: Apache-2.0
// CNN-14, the AudioSet tagger of Kong et al. (PANNs, arXiv 1912.10211; code audioset_tagging_cnn): 80,753,615
// parameters. And the net that is fine-tuned from it: the same, with one more layer on its embedding.
#include "nets/conv_block.h"
#include "nets/panns.h"

namespace limbic {
namespace {

class Cnn14 : public Panns {
 public:
  Cnn14(PannsRate rate, const NetOptions& o)
      : Panns(rate, o),
        conv_block1(1, o.widths[0], BlockPool::halve),
        conv_block2(o.widths[0], o.widths[1], BlockPool::halve),
        conv_block3(o.widths[1], o.widths[2], BlockPool::halve),
        conv_block4(o.widths[2], o.widths[3], BlockPool::halve),
        conv_block5(o.widths[3], o.widths[4], BlockPool::halve),
        conv_block6(o.widths[4], o.widths[5], BlockPool::none) {
    add_blocks({&conv_block1, &conv_block2, &conv_block3, &conv_block4, &conv_block5, &conv_block6});
    min_frames = 32;
  }

 private:
  Tensor blocks(const Tensor& map) override {                         // [N,T,64,1]
    Tensor x = dropout(conv_block1(map), block_dropout, training());  // [N,T/2,32,64]
    x = dropout(conv_block2(x), block_dropout, training());           // [N,T/4,16,128]
    x = dropout(conv_block3(x), block_dropout, training());           // [N,T/8,8,256]
    x = dropout(conv_block4(x), block_dropout, training());           // [N,T/16,4,512]
    x = dropout(conv_block5(x), block_dropout, training());           // [N,T/32,2,1024]
    return dropout(conv_block6(x), block_dropout, training());        // [N,T/32,2,2048]
  }

  ConvBlock conv_block1, conv_block2, conv_block3, conv_block4, conv_block5, conv_block6;
};

// The template of audioset_tagging_cnn's fine-tuning (and of panns_transfer_to_gtzan).
class Cnn14Transfer : public Net {
 public:
  Cnn14Transfer(const NetOptions& o, const NetOptions& base_options)
      : base(PannsRate::k32, base_options), fc_transfer(o.embedding, o.classes) {
    add_child("base", base);
    add_child("fc_transfer", fc_transfer);
    init_xavier(fc_transfer);

    front_end = base.front_end;
    options = o;
    min_frames = base.min_frames;
    typical_frames = base.typical_frames;
    last_layer = "fc_transfer";
    block_dropout = base.block_dropout;
    head_dropout = base.head_dropout;
  }

  Tensor embed(const Tensor& log_mel) override {
    base.name = name;
    base.block_dropout = block_dropout;
    base.head_dropout = head_dropout;
    return base.embed(log_mel);  // [N,2048]
  }

  Tensor forward(const Tensor& log_mel) override {
    const Tensor x = dropout(embed(log_mel), head_dropout, training());  // [N,2048]
    return fc_transfer(x);                                               // [N,classes]
  }

  Shape input_shape(int64_t batch, int64_t frames) const override { return base.input_shape(batch, frames); }

  Cnn14 base;
  Linear fc_transfer;
};

NetOptions published(const NetOptions& o) { return panns_options(o, {64, 128, 256, 512, 1024, 2048}, 2048); }

}  // namespace

std::unique_ptr<Net> make_cnn14(PannsRate rate, const NetOptions& options) {
  return std::make_unique<Cnn14>(rate, published(options));
}

std::unique_ptr<Net> make_cnn14_transfer(const NetOptions& options) {
  NetOptions o = published(options), base = o;
  o.classes = options.classes ? options.classes : 8;
  base.classes = 527;
  return std::make_unique<Cnn14Transfer>(o, base);
}

}  // namespace limbic
