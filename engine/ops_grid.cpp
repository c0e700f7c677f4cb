// SPDX-License-Identifier: Apache-2.0
// A spatial transformer's two halves: where to look, and looking there.
#include <utility>

#include "engine/dispatch.h"
#include "engine/ops.h"
#include "kernels/affine_grid/affine_grid.h"
#include "kernels/grid_sample/grid_sample.h"

namespace limbic {

Tensor affine_grid(const Tensor& theta, Size2 size, const GridOptions& o) {
  if (theta.rank() != 3 || theta.dim(1) != 2 || theta.dim(2) != 3) {
    refuse("affine_grid: theta ", theta.shape(), ", expected [N,2,3]");
  }
  if (size.h < 1 || size.w < 1) refuse("affine_grid: a grid of ", size.h, "x", size.w, ", expected at least 1x1");
  const AffineGridDims d{extent("affine_grid", theta.dim(0)), size.h, size.w, o.align_corners};
  Tensor grid = Tensor::empty({d.N, d.H, d.W, 2});
  launch(affine_grid_fwd_rungs(), {"affine_grid", "fwd"}, theta.device(), d, theta.kernel_data(), grid.kernel_data());

  return record("affine_grid", grid, {theta}, [d, g = GradOf(theta)](const Tensor& dgrid) {
    Tensor dtheta = Tensor::empty({d.N, 2, 3});
    launch(affine_grid_bwd_rungs(), {"affine_grid", "bwd"}, dgrid.device(), d, dgrid.kernel_data(),
           dtheta.kernel_data());
    g.add(std::move(dtheta));
  });
}

Tensor grid_sample(const Tensor& map, const Tensor& grid, const GridOptions& o) {
  const Tensor x = in_f32(map);
  if (x.rank() != 4) refuse("grid_sample: x ", x.shape(), ", expected [N,H,W,C]");
  if (grid.rank() != 4 || grid.dim(3) != 2 || grid.dim(0) != x.dim(0)) {
    refuse("grid_sample: grid ", grid.shape(), " for x ", x.shape(), ", expected [", x.dim(0), ",P,Q,2]");
  }
  if (x.size() == 0 && grid.size() > 0) refuse("grid_sample: x ", x.shape(), " is empty");
  const auto count = [](int64_t value) { return extent("grid_sample", value); };
  const GridSampleDims d{count(x.dim(0)),    count(x.dim(1)),    count(x.dim(2)), count(x.dim(3)),
                         count(grid.dim(1)), count(grid.dim(2)), o.align_corners};
  count(int64_t{count(int64_t{d.H} * d.W)} * d.C);  // a picture is indexed with ints
  Tensor y = Tensor::empty({d.N, d.P, d.Q, d.C});
  launch(grid_sample_fwd_rungs(), {"grid_sample", "fwd"}, x.device(), d, x.kernel_data(), grid.kernel_data(),
         y.kernel_data());

  return record("grid_sample", y, {x, grid},
                [d, gx = GradOf(x), gg = GradOf(grid), x = x.detach(), grid = grid.detach()](const Tensor& dy) {
                  Tensor dx, dgrid;
                  if (gx.wanted()) dx = Tensor::empty(x.shape());
                  if (gg.wanted()) dgrid = Tensor::empty(grid.shape());
                  launch(grid_sample_bwd_rungs(), {"grid_sample", "bwd"}, dy.device(), d, x.kernel_data(),
                         grid.kernel_data(), dy.kernel_data(), dx ? dx.kernel_data() : nullptr,
                         dgrid ? dgrid.kernel_data() : nullptr);
                  gx.add(std::move(dx));
                  gg.add(std::move(dgrid));
                });
}

}  // namespace limbic
