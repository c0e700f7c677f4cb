// SPDX-License-Identifier: Apache-2.0
// All nets by name, and the way between a net and the tensors of a file. A file holds the published layout (OIHW, or
// Keras's HWIO); memory holds [K,R,S,C]: the transposes happen here, and only here.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nets/front_end.h"
#include "nets/net.h"

namespace limbic {

/// cnn14 cnn14-16k cnn14-8k cnn10 cnn6 cnn14-transfer alexnet sys2-audio-1d sys2-audio-2d voice guided-stn
/// unguided-stn no-stn face bilstm-attention sys2-face resnet50
std::vector<std::string> net_names();

/// A net with its published initialisation, drawn from the random state. Error(ExitCode::usage) for an unknown name,
/// and for sizes that this net cannot have: another number of widths than blocks, one below 1 or above 2^20.
std::unique_ptr<Net> make_net(const std::string& name, const NetOptions& options = {});

/// A tensor as a file holds it: published name, published layout, numbers converted to f32.
struct FileTensor {
  std::string name;
  Shape shape;
  std::span<const float> values;
};

/// Which net these tensors are of, with which sizes, told from names and shapes; prefixes "module.", "base." and
/// "backbone." are seen through. `file` stands in messages. `hint` (a card's or the user's net) decides between nets of
/// equal tensors (cnn14 and its 16k and 8k variants; a guided and an unguided spatial transformer, guided if nobody
/// says), and is refused where it contradicts them.
struct NetDescription {
  std::string name;
  NetOptions options;
};
NetDescription describe_net(const std::vector<FileTensor>& tensors, const std::string& file,
                            const std::string& hint = "");

/// The net that `describe_net` tells, holding the numbers; in eval mode. Error(ExitCode::weights) names the key, what
/// was found and what is expected: a missing key, a wrong shape, NaN or infinity. `warnings` gets the rest.
std::unique_ptr<Net> net_from_weights(const std::vector<FileTensor>& tensors, const std::string& file,
                                      const std::string& hint = "", std::vector<std::string>* warnings = nullptr);

/// Whether a net that takes log-mels has as many mel bins as this front end makes; true of any other net.
bool fits(const Net& net, const FrontEnd& front_end);

struct LoadOptions {
  bool keep_other_head = false;  ///< fine-tuning: a last layer of another number of classes keeps its initialisation
};
/// Copies numbers into a net that exists. Returns warnings: tensors the net has no place for, and so on.
std::vector<std::string> load_state(Net& net, const std::vector<FileTensor>& tensors, const std::string& file,
                                    const LoadOptions& options = {});

/// What is read into a whole number must be one, from 0 to 2^31; else Error(ExitCode::weights) names file and tensor.
void check_counts(const FileTensor& found, const std::string& file);

/// A net's state (or an optimiser's) as a file holds it, in PyTorch's state_dict order.
struct SavedTensor {
  std::string name;
  std::string dtype;  ///< "f32", or "i64" for counters
  Shape shape;
  std::vector<float> values;
};
std::vector<SavedTensor> save_state(const std::vector<NamedTensor>& state);

/// The published shape of a tensor of this net: [K,C,R,S] for a weight that lies as [K,R,S,C].
Shape file_shape(const NamedTensor& tensor);
/// Copies between memory and the published layout; `file` has tensor.size() elements.
void to_file_layout(const NamedTensor& tensor, float* file);
void from_file_layout(const NamedTensor& tensor, const float* file);

}  // namespace limbic
