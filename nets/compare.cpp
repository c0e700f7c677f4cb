// SPDX-License-Identifier: Apache-2.0
#include "nets/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>

#include "engine/ops.h"
#include "engine/optim.h"
#include "nets/front_end.h"

namespace limbic {
namespace {

constexpr double activation_tolerance = 5e-5, loss_tolerance = 1e-5, buffer_tolerance = 1e-4, delta_tolerance = 2e-2;

// A gradient that differs is computed again, from an input that is up to so many units in the last place larger, and
// counts with its smallest error: a wrong layer stays wrong, while a ReLU whose input is within rounding of zero may
// fall on its other side. One such flip was seen to be 1.7e-2 of every gradient before it, and PyTorch's f32 has as
// many.
constexpr int most_ulps = 4;

struct GradientTolerance {
  double norm;        // of a gradient's norm
  double difference;  // of the norm of the difference, which sees what leaves the norm alone, flips as well
};

// A ReLU or a maximum that flips between two nearly equal numbers sends a gradient elsewhere. At full width that gives
// PyTorch's own f32 up to 3e-3 of the difference, in train mode 1e-3 of a norm.
GradientTolerance gradient_tolerance(bool full_width, bool train) {
  if (!full_width) return {1e-3, 1e-3};
  return {train ? 5e-3 : 1e-3, 5e-3};
}

// NHWC -> NCHW; anything else lies in files as in memory.
std::vector<float> published(const Tensor& x) {
  return (x.rank() == 4 ? permute(x.detach(), {0, 3, 1, 2}) : x).to_vector();
}

double norm(const std::vector<float>& x) {
  double sum = 0;
  for (float v : x) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

double total(const std::vector<float>& x) {
  double sum = 0;
  for (float v : x) sum += v;
  return sum;
}

bool says_nothing(std::span<const float> reference) {
  const auto zeros = std::count(reference.begin(), reference.end(), 0.0f);
  return reference.size() > 1 && static_cast<double>(zeros) > 0.99 * static_cast<double>(reference.size());
}

double finite_or_infinity(double x) { return std::isfinite(x) ? x : std::numeric_limits<double>::infinity(); }

// The largest difference, relative to the reference's largest element.
double worst_error(const std::vector<float>& ours, std::span<const float> reference) {
  double worst = 0, largest = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double difference = std::abs(static_cast<double>(ours[i]) - reference[i]);
    if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, difference);
    largest = std::max(largest, std::abs(static_cast<double>(reference[i])));
  }
  return finite_or_infinity(worst == 0 ? 0 : worst / largest);
}

// The norm of the difference, relative to the reference's norm: one flipped ReLU shall not decide.
double norm_error(const std::vector<float>& ours, std::span<const float> reference) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double d = static_cast<double>(ours[i]) - reference[i];
    difference += d * d;
    size += static_cast<double>(reference[i]) * reference[i];
  }
  return finite_or_infinity(difference == 0 ? 0 : std::sqrt(difference / size));
}

bool all_hold(const std::vector<CompareCheck>& checks) {
  return std::all_of(checks.begin(), checks.end(), [](const CompareCheck& c) { return c.ok; });
}

void keep_smaller_errors(std::vector<CompareCheck>& checks, const std::vector<CompareCheck>& others) {
  for (size_t i = 0; i < checks.size(); ++i) {
    if (others[i].error < checks[i].error) checks[i] = others[i];
  }
}

class Comparison {
 public:
  Comparison(Net& net, const std::vector<FileTensor>& reference, std::string file, const CompareOptions& options,
             const std::function<void(const CompareCheck&)>& each)
      : net_(net), file_(std::move(file)), options_(options), each_(each) {
    for (const FileTensor& t : reference) tensors_[t.name] = &t;
  }

  ~Comparison() { net_.clear_hooks(); }
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;

  CompareResult run() {
    const Tensor input = net_input();
    const bool train = training_step();
    check_front_end();
    net_.block_dropout = net_.head_dropout = 0;

    net_.train(train);
    if (!train) {
      // Without a tape, convolution, batch norm and ReLU are one kernel: its activations count as well.
      NoGrad inference;
      run_forward(input, HookWhat::children);
      for (const auto& [name, values] : activations_) inference_[name] = values;
    }
    Tensor x = input.clone();
    x.set_requires_grad();
    net_.zero_grad();
    const Tensor logits = run_forward(x, HookWhat::all);
    if (!check_activations()) return result_;

    const Tensor target = tensor("input/target");
    const Tensor loss = loss_of(logits, target);
    if (!check_number("float64/loss", loss.item(), loss_tolerance)) return result_;

    backward(loss);
    const GradientTolerance tolerance = gradient_tolerance(net_.parameter_count() > 50'000'000, train);
    std::vector<CompareCheck> gradients = gradient_checks(x, tolerance);
    for (int ulps = 1; ulps <= most_ulps && !all_hold(gradients); ++ulps) {
      keep_smaller_errors(gradients, other_gradients(input, ulps, target, tolerance));
    }
    const bool held = std::all_of(gradients.begin(), gradients.end(),
                                  [&](const CompareCheck& c) { return add(c.name, c.error, c.tolerance); });
    if (held && check_buffers()) check_step();
    if (result_.checks.empty()) {
      throw Error(ExitCode::weights,
                  fmt::format("{}: holds nothing to compare {} with, expected activations, gradients "
                              "or norms under float64/",
                              file_, net_.name));
    }
    return result_;
  }

 private:
  enum class HookWhat { children, all };

  Tensor loss_of(const Tensor& logits, const Tensor& target) const {
    return net_.decision == Decision::sigmoid ? binary_cross_entropy(sigmoid(logits), target)
                                              : cross_entropy(logits, target);
  }

  static bool is_block(const std::string& module) {  // conv_block1, not conv_block1.conv1
    return module.starts_with("conv_block") && module.find('.') == std::string::npos;
  }

  static bool is_gradient(const std::string& name) {
    return name.starts_with("float64/grad/") || name.starts_with("float64/grad_sample/") ||
           name.starts_with("float64/grad_sum/") || name.starts_with("float64/grad_norm/");
  }

  const FileTensor* find(const std::string& name) const {
    const auto it = tensors_.find(name);
    return it == tensors_.end() ? nullptr : it->second;
  }

  Tensor tensor(const std::string& name) const {
    const FileTensor* t = find(name);
    if (!t) throw Error(ExitCode::weights, fmt::format("{}: no {}: not a reference of this net", file_, name));
    return Tensor::from(t->shape, {t->values.begin(), t->values.end()});
  }

  Tensor net_input() const {
    if (find("input/x")) return tensor("input/x");        // as the net takes it, for nets without log-mels
    const Tensor log_mel = tensor("float64/act/logmel");  // [N,1,T,M]
    if (log_mel.rank() != 4 || log_mel.dim(1) != 1) {
      throw Error(ExitCode::weights, fmt::format("{}: float64/act/logmel is {}, wants [N,1,frames,mels]", file_,
                                                 shape_text(log_mel.shape())));
    }
    return reshape(log_mel, {log_mel.dim(0), log_mel.dim(2), log_mel.dim(3)});  // [N,T,M]
  }

  bool training_step() const {
    if (options_.mode != CompareMode::of_reference) return options_.mode == CompareMode::train;
    for (const NamedTensor& b : net_.buffers()) {
      const FileTensor* after = find("float64/bn_after/" + b.name);
      if (b.tensor->dtype() == DType::i32 && after && after->values.size() == 1) {
        return after->values[0] != static_cast<float>(b.tensor->ints()[0]);
      }
    }
    return false;
  }

  // Own log-mels of the reference's sound; the net itself is fed the reference's, so that errors stay apart.
  void check_front_end() {
    const FileTensor* sound = find("input/waveform");
    const FrontEnd* front_end = find_front_end(net_.front_end);
    if (!sound || !front_end || sound->shape.size() != 2) return;
    std::vector<float> own;
    for (int64_t n = 0; n < sound->shape[0]; ++n) {
      const auto clip = log_mel(*front_end, sound->values.data() + n * sound->shape[1], sound->shape[1]).to_vector();
      own.insert(own.end(), clip.begin(), clip.end());
    }
    activations_["logmel"] = own;
  }

  // Runs the net and keeps what the reference has names for. Dotted module names are names too.
  Tensor run_forward(const Tensor& x, HookWhat what) {
    net_.clear_hooks();
    order_.clear();
    for (const auto& [name, module] : net_.modules()) {
      const std::string plain = name.starts_with("base.") ? name.substr(5) : name;  // a transfer net holds a Cnn14
      if (name.empty() || (what == HookWhat::children && plain.find('.') != std::string::npos)) continue;
      module->on_forward([this, name = name, plain](Module&, const Tensor& in, const Tensor& out) {
        order_.push_back(name);
        keep(name, out);
        if (plain == "bn0") keep("bn0", out);
        if (plain == "conv_block1") keep("net_input", in);
        if (is_block(plain)) keep("block" + plain.substr(10), out);
        if (plain == "fc1") keep("pooled", in);
        if (name == net_.last_layer) {
          keep("fc1", in);  // after its ReLU
          keep("embedding", in);
          keep(name == "fc_audioset" ? "audioset_logits" : "logits", out);
        }
      });
      if (is_block(plain)) {
        module->on_backward([this, plain](Module&, const Tensor& dy) {
          gradient_norm_["block" + plain.substr(10)] = norm(dy.to_vector());
        });
      }
    }
    const Tensor logits = net_(x);
    keep("prob", probabilities(net_, logits.detach()));
    return logits;
  }

  void keep(const std::string& name, const Tensor& x) {
    if (find("float64/act/" + name)) activations_[name] = published(x);
  }

  bool check_activations() {
    std::vector<std::string> names = {"logmel", "bn0", "net_input"};
    for (int b = 1; b <= 6; ++b) names.push_back(fmt::format("block{}", b));
    for (const char* name : {"pooled", "fc1", "embedding", "audioset_logits", "logits"}) names.emplace_back(name);
    for (const std::string& module : order_) {
      if (std::find(names.begin(), names.end(), module) == names.end()) names.push_back(module);
    }
    names.emplace_back("prob");
    for (const std::string& name : names) {
      const auto it = activations_.find(name);
      const FileTensor* reference = find("float64/act/" + name);
      if (it == activations_.end() || !reference) continue;
      double error = compare_values(reference, it->second, worst_error);
      if (inference_.contains(name)) error = std::max(error, compare_values(reference, inference_[name], worst_error));
      if (!add(reference->name, error, activation_tolerance)) return false;
    }
    return true;
  }

  // The same step with other rounding errors; batch norms have counted this batch already.
  std::vector<CompareCheck> other_gradients(const Tensor& input, int ulps, const Tensor& target,
                                            const GradientTolerance& tolerance) {
    std::vector<Tensor> counted;
    for (const NamedTensor& b : net_.buffers()) counted.push_back(b.tensor->clone());
    Tensor x = (input * (1 + static_cast<float>(ulps) * std::numeric_limits<float>::epsilon())).detach();
    x.set_requires_grad();
    net_.zero_grad();
    backward(loss_of(run_forward(x, HookWhat::all), target));
    size_t i = 0;
    for (const NamedTensor& b : net_.buffers()) *b.tensor = counted[i++];
    return gradient_checks(x, tolerance);
  }

  // From the last layer to the first, as they were computed.
  std::vector<CompareCheck> gradient_checks(const Tensor& x, const GradientTolerance& tolerance) {
    std::vector<CompareCheck> checks;
    const auto add = [&](const FileTensor& t, double error, double most) {
      checks.push_back({t.name, error, most, error <= most});
    };
    std::map<std::string, std::vector<NamedTensor>> by_module;
    for (const NamedTensor& p : net_.parameters()) by_module[p.name.substr(0, p.name.rfind('.'))].push_back(p);
    std::set<std::string> has_gradient;
    for (auto module = order_.rbegin(); module != order_.rend(); ++module) {
      const std::string plain = module->starts_with("base.") ? module->substr(5) : *module;
      if (is_block(plain)) {
        const std::string block = "block" + plain.substr(10);
        if (const FileTensor* n = find("float64/act_grad_norm/" + block))
          add(*n, number_error(*n, gradient_norm_[block]), tolerance.norm);
      }
      for (const NamedTensor& p : by_module[*module]) {
        // Without one the loss does not see this layer: the reference has none either, or fails below.
        if (!p.tensor->grad()) continue;
        has_gradient.insert(p.name);
        measure_gradient(p, tolerance, add);
      }
    }
    for (const auto& [name, t] : tensors_) {
      if (is_gradient(name) && !has_gradient.contains(name.substr(name.rfind('/') + 1))) {
        add(*t, std::numeric_limits<double>::infinity(), tolerance.norm);
      }
    }
    if (const FileTensor* reference = find("float64/act_grad/logmel")) {
      add(*reference, compare_values(reference, x.grad().to_vector(), norm_error), tolerance.difference);
    }
    return checks;
  }

  template <class Add>
  void measure_gradient(const NamedTensor& p, const GradientTolerance& tolerance, const Add& add) const {
    Tensor dw = p.tensor->grad();
    std::vector<float> own(dw.size());
    to_file_layout({p.name, &dw, p.layout}, own.data());
    if (const FileTensor* all = find("float64/grad/" + p.name))
      add(*all, compare_values(all, own, norm_error), tolerance.difference);
    if (const FileTensor* some = find("float64/grad_sample/" + p.name)) {
      const auto count = static_cast<int64_t>(some->values.size());
      std::vector<float> sample;
      for (int64_t i = 0; i < count; ++i) sample.push_back(own[i * (dw.size() - 1) / std::max<int64_t>(count - 1, 1)]);
      add(*some, compare_values(some, sample, norm_error), tolerance.difference);
    }
    if (const FileTensor* sum = find("float64/grad_sum/" + p.name)) {
      // A sum may cancel, so its error is relative to what it could have been.
      const double bound = norm(own) * std::sqrt(static_cast<double>(own.size()));
      add(*sum, finite_or_infinity(std::abs(total(own) - number(*sum)) / bound), tolerance.norm);
    }
    if (const FileTensor* n = find("float64/grad_norm/" + p.name)) add(*n, number_error(*n, norm(own)), tolerance.norm);
  }

  bool check_buffers() {
    for (const NamedTensor& b : net_.buffers()) {
      const FileTensor* after = find("float64/bn_after/" + b.name);
      if (after && !add(after->name, compare_values(after, b.tensor->to_vector(), worst_error), buffer_tolerance))
        return false;
    }
    return true;
  }

  bool check_step() {
    std::vector<Tensor> before;
    for (const NamedTensor& p : net_.parameters()) before.push_back(p.tensor->clone());
    Adam(net_.parameters(), {.lr = 1e-3f, .amsgrad = true}).step();
    size_t i = 0;
    for (const NamedTensor& p : net_.parameters()) {
      const std::vector<float> w = p.tensor->to_vector(), w0 = before[i++].to_vector();
      std::vector<float> moved(w.size());
      std::transform(w.begin(), w.end(), w0.begin(), moved.begin(), std::minus<>());
      if (!check_number("float64/adam_delta_norm/" + p.name, norm(moved), delta_tolerance)) return false;
    }
    return true;
  }

  template <class Measure>
  double compare_values(const FileTensor* reference, const std::vector<float>& ours, const Measure& measure) const {
    if (reference->values.empty() || reference->values.size() != ours.size()) {
      throw Error(ExitCode::weights, fmt::format("{}: {} is {}, the net computes {} numbers there", file_,
                                                 reference->name, shape_text(reference->shape), ours.size()));
    }
    return says_nothing(reference->values) ? std::numeric_limits<double>::infinity() : measure(ours, reference->values);
  }

  double number(const FileTensor& t) const {
    if (t.values.size() != 1) {
      throw Error(ExitCode::weights, fmt::format("{}: {} is {}, wants one number", file_, t.name, shape_text(t.shape)));
    }
    return t.values[0];
  }

  double number_error(const FileTensor& reference, double ours) const {
    const double expected = number(reference);
    return finite_or_infinity(ours == expected ? 0 : std::abs(ours - expected) / std::abs(expected));
  }

  bool check_number(const std::string& name, double ours, double tolerance) {
    const FileTensor* reference = find(name);
    return !reference || add(name, number_error(*reference, ours), tolerance);
  }

  bool add(const std::string& name, double error, double tolerance) {
    result_.checks.push_back({name, error, tolerance, error <= tolerance});
    if (each_) each_(result_.checks.back());
    if (error <= tolerance) return true;
    if (result_.ok) result_.first_failure = name;
    result_.ok = false;
    return !options_.stop_at_first_failure;
  }

  Net& net_;
  const std::string file_;
  const CompareOptions options_;
  const std::function<void(const CompareCheck&)>& each_;
  std::map<std::string, const FileTensor*> tensors_;
  std::map<std::string, std::vector<float>> activations_, inference_;
  std::map<std::string, double> gradient_norm_;
  std::vector<std::string> order_;  // modules as they ran
  CompareResult result_;
};

}  // namespace

CompareResult compare(Net& net, const std::vector<FileTensor>& reference, const std::string& file,
                      const CompareOptions& options, const std::function<void(const CompareCheck&)>& each) {
  return Comparison(net, reference, file, options, each).run();
}

}  // namespace limbic
