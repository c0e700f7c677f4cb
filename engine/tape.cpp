// SPDX-License-Identifier: Apache-2.0
#include "engine/tape.h"

#include <memory>
#include <unordered_map>
#include <utility>

#include "engine/dispatch.h"
#include "kernels/copy/copy.h"

namespace limbic {

/// A tensor on the tape, without its numbers: which op made it of what, how to go back, and its gradient.
struct Node {
  const char* op = "leaf";
  Shape shape;
  DType dtype = DType::f32;
  std::vector<std::shared_ptr<Node>> inputs;  // those that want a gradient
  std::function<void(Tensor dy)> backward;    // empty for a leaf, and once it has run
  Tensor grad;

  bool leaf() const { return inputs.empty(); }

  // Unlinks what it alone holds in a loop: a long chain that is dropped must not recurse once a node.
  ~Node() {
    backward = nullptr;
    std::vector<std::shared_ptr<Node>> pending = std::move(inputs);
    while (!pending.empty()) {
      const std::shared_ptr<Node> node = std::move(pending.back());
      pending.pop_back();
      if (!node || node.use_count() > 1) continue;
      for (auto& input : node->inputs) pending.push_back(input);
      node->backward = nullptr;
    }
  }
};

struct TapeAccess {
  static std::shared_ptr<Node>& node(Tensor& t) { return t.node_; }
  static const std::shared_ptr<Node>& node(const Tensor& t) { return t.node_; }
};

namespace {

thread_local bool recording = true;

// Every node that `root` depends on, inputs before what is made of them. A loop with its own stack: nets may be deep.
std::vector<std::shared_ptr<Node>> topological_order(const std::shared_ptr<Node>& root) {
  std::vector<std::shared_ptr<Node>> order;
  std::unordered_map<const Node*, size_t> next_input{{root.get(), 0}};
  std::vector<std::shared_ptr<Node>> path{root};
  while (!path.empty()) {
    const std::shared_ptr<Node> node = path.back();
    if (size_t& i = next_input[node.get()]; i < node->inputs.size()) {
      const std::shared_ptr<Node>& input = node->inputs[i++];
      if (next_input.emplace(input.get(), 0).second) path.push_back(input);
    } else {
      order.push_back(node);
      path.pop_back();
    }
  }
  return order;
}

// The CPU's kernels for bf16 go forward only; a cast goes both ways.
void check_storage(const char* name, const std::vector<Tensor>& inputs) {
  for (const Tensor& input : inputs) {
    if (input && input.dtype() == DType::bf16) {
      refuse(name,
             ": gradients through maps stored in bf16, on device cpu; expected device cuda or emu, or maps in f32");
    }
  }
}

}  // namespace

void GradOf::add(Tensor dx) const {
  if (!node_) return;
  if (dx.shape() != node_->shape || dx.dtype() != node_->dtype) {
    throw Error(ExitCode::failure, std::string("backward: gradient ") + dtype_name(dx.dtype()) +
                                       shape_text(dx.shape()) + " for a tensor " + dtype_name(node_->dtype) +
                                       shape_text(node_->shape) + " made by " + node_->op);
  }
  Tensor& grad = node_->grad;
  if (!grad) {
    grad = dx.detach();
    return;
  }
  if (grad.shares_storage()) std::swap(grad, dx);  // a + b = b + a, and the other may be free to be overwritten
  if (grad.shares_storage()) grad = grad.clone();
  const CopyDims dims{.rank = 1,
                      .shape = {grad.size()},
                      .src_stride = {1},
                      .dst_stride = {1},
                      .src_offset = 0,
                      .dst_offset = 0,
                      .accumulate = true};
  by_storage(grad, [&]<class T>(StoredAs<T> stored) {
    launch(copy_fwd_rungs(stored), {"copy", "fwd"}, grad.device(), dims, std::as_const(dx).kernel_as<T>(),
           grad.kernel_as<T>());
  });
}

Tensor record(const char* name, Tensor output, const std::vector<Tensor>& inputs,
              std::function<void(Tensor dy)> backward) {
  if (!recording) return output;
  auto node = std::make_shared<Node>();
  for (const Tensor& input : inputs) {
    if (const auto& from = TapeAccess::node(input)) node->inputs.push_back(from);
  }
  if (node->inputs.empty()) return output;
  if (compute_device() == Device::cpu && output.dtype() == DType::bf16) check_storage(name, inputs);
  node->op = name;
  node->shape = output.shape();
  node->dtype = output.dtype();
  node->backward = std::move(backward);
  TapeAccess::node(output) = std::move(node);
  return output;
}

void backward(const Tensor& loss, const std::function<void(int step, const Tensor& dy)>& watch) {
  if (loss.size() != 1) refuse("backward: loss ", loss.shape(), " is not a scalar");
  if (!loss.requires_grad()) refuse("backward: loss depends on nothing that wants a gradient");
  const NoGrad closures_do_not_record;
  auto order = topological_order(TapeAccess::node(loss));
  for (const auto& node : order) {
    if (!node->leaf() && !node->backward) refuse("backward: this tape was walked before, at ", node->op);
  }
  GradOf(loss).add(Tensor::full(loss.shape(), 1.0f));
  for (size_t i = order.size(); i-- > 0;) {
    const std::shared_ptr<Node> node = std::move(order[i]);
    if (watch && node->grad) watch(static_cast<int>(i), node->grad);
    if (node->leaf()) continue;
    const auto closure = std::exchange(node->backward, nullptr);
    if (Tensor dy = std::exchange(node->grad, Tensor())) closure(std::move(dy));
  }
}

std::vector<TapeStep> tape_of(const Tensor& loss) {
  std::vector<TapeStep> steps;
  if (!loss.requires_grad()) return steps;
  std::unordered_map<const Node*, int> position;
  for (const auto& node : topological_order(TapeAccess::node(loss))) {
    TapeStep step{node->op, node->shape, {}, node.get()};
    for (const auto& input : node->inputs) step.inputs.push_back(position.at(input.get()));
    position.emplace(node.get(), static_cast<int>(steps.size()));
    steps.push_back(std::move(step));
  }
  return steps;
}

Tensor writable_like(const Tensor& dy) { return dy.shares_storage() ? Tensor::empty(dy.shape(), dy.dtype()) : dy; }

bool will_record(std::initializer_list<Tensor> inputs) {
  if (!recording) return false;
  for (const Tensor& input : inputs) {
    if (input.requires_grad()) return true;
  }
  return false;
}

Tensor watch_gradient(const Tensor& x, std::function<void(const Tensor& dy)> seen) {
  return record("watch_gradient", x.detach(), {x}, [gx = GradOf(x), seen = std::move(seen)](const Tensor& dy) {
    seen(dy);
    gx.add(dy);
  });
}

bool grad_enabled() { return recording; }
NoGrad::NoGrad() : before_(std::exchange(recording, false)) {}
NoGrad::~NoGrad() { recording = before_; }

// ---- a tensor's place on the tape ----

Tensor& Tensor::set_requires_grad(bool wanted) {
  if (dtype_ != DType::f32) refuse("set_requires_grad: ", shape_, " is ", dtype_name(dtype_));
  if (node_ && !node_->leaf()) refuse("set_requires_grad: ", shape_, " was made by ", node_->op, " and is no leaf");
  if (!wanted) {
    node_ = nullptr;
  } else if (!node_) {
    node_ = std::make_shared<Node>();
    node_->shape = shape_;
  }
  return *this;
}

Tensor Tensor::grad() const { return node_ ? node_->grad : Tensor(); }

void Tensor::set_grad(Tensor grad) {
  if (!node_) {
    if (grad) refuse("set_grad: ", shape_, " wants no gradient");
    return;
  }
  if (grad && grad.shape() != shape_) refuse("set_grad: gradient ", grad.shape(), " for ", shape_);
  node_->grad = grad.detach();
}

}  // namespace limbic
