// SPDX-License-Identifier: Apache-2.0
// The tape. An op computes its output and, right below, records a closure that turns dy, the gradient of its output,
// into gradients of its inputs:
//
//   Tensor square(const Tensor& x) {
//     Tensor y = ...;
//     return record("square", y, {x}, [gx = GradOf(x), x = x.detach()](const Tensor& dy) { gx.add(2 * x * dy); });
//   }
//
// backward(loss) runs the closures from the loss back to the leaves. Three rules keep memory short and free of cycles:
// captures are explicit; a GradOf is an edge to an input without its numbers, so an activation lives exactly as long as
// some closure wants it; and the output only gets its node inside record, so no closure can hold its own output's node.
#pragma once
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace limbic {

/// Where the gradient of a tensor goes.
class GradOf {
 public:
  explicit GradOf(const Tensor& x) : node_(x.node_) {}
  bool wanted() const { return node_ != nullptr; }  ///< false: do not compute it
  /// The first gradient is moved in; a later one is added to it, in place where nobody else holds it.
  void add(Tensor dx) const;

 private:
  std::shared_ptr<Node> node_;
};

/// The only door to the tape: `output` becomes what op `name` made of `inputs`, where any of them wants a gradient (and
/// no NoGrad is in force); else it is returned as it is. `backward` is called once, with dy of output's shape, and may
/// take `Tensor dy` or `const Tensor& dy`; a dy that nobody else holds may be overwritten (see writable_like).
Tensor record(const char* name, Tensor output, const std::vector<Tensor>& inputs,
              std::function<void(Tensor dy)> backward);

/// dy itself where this is its only handle, else a new tensor of its shape: what a gradient kernel that works in place
/// writes to. Call it as `writable_like(dy)` on the closure's own `Tensor dy`.
Tensor writable_like(const Tensor& dy);

/// True where record() would record an op of these inputs. Ops ask it to skip what only the backward pass needs.
bool will_record(std::initializer_list<Tensor> inputs);

/// Walks the tape of a scalar `loss` in reverse order, adds to the leaves' gradients, and frees what it has passed.
/// `watch`, where given, sees each step's gradient before its closure runs; steps are numbered as tape_of() does.
void backward(const Tensor& loss, const std::function<void(int step, const Tensor& dy)>& watch = {});

/// One recorded op, or a leaf: what `limbic graph --tape` draws. Inputs come before what is computed from them.
struct TapeStep {
  std::string op;  ///< "leaf" for parameters
  Shape shape;
  std::vector<int> inputs;  ///< their positions in the list; only those that want a gradient
  const void* id;           ///< Tensor::id() of its output
};
std::vector<TapeStep> tape_of(const Tensor& loss);

/// x itself; `seen` gets its gradient when backward() passes here.
Tensor watch_gradient(const Tensor& x, std::function<void(const Tensor& dy)> seen);

bool grad_enabled();  ///< of this thread

/// While one is alive, this thread records nothing: inference.
struct NoGrad {
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

}  // namespace limbic
