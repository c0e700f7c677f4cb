// SPDX-License-Identifier: Apache-2.0
#include "tools/fusion/logistic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "kernels/portable_math.h"

namespace limbic {
namespace {

constexpr double converged = 1e-6;

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(const Vector& a) {
  double most = 0;
  for (const double v : a) most = std::max(most, std::abs(v));
  return most;
}

// The objective at theta [F+1, K]: row f holds feature f's weight in every class, the last row the intercepts.
class Objective {
 public:
  Objective(const Matrix& x, const std::vector<int>& labels, int classes, double C)
      : x_(x), labels_(labels), K(classes), C_(C), p_(x.rows, classes) {}

  size_t size() const { return static_cast<size_t>((x_.columns + 1) * K); }

  /// Value and gradient at theta; keeps the probabilities for curvature().
  double at(const Vector& theta, Vector& gradient) {
    double value = 0;
    regularise(theta, gradient);
    for (size_t i = 0; i < weights(); ++i) value += 0.5 * theta[i] * theta[i];
    Vector residual(static_cast<size_t>(K));
    for (int64_t n = 0; n < x_.rows; ++n) {
      double* p = p_.row(n);
      project(n, theta, p);
      double high = p[0];
      for (int64_t k = 1; k < K; ++k) high = std::max(high, p[k]);
      const double own = p[labels_[static_cast<size_t>(n)]] - high;
      double sum = 0;
      for (int64_t k = 0; k < K; ++k) sum += p[k] = p[k] - high < -700 ? 0 : portable_exp(p[k] - high);
      for (int64_t k = 0; k < K; ++k) residual[static_cast<size_t>(k)] = C_ * (p[k] /= sum);
      value += C_ * (portable_log(sum) - own);
      residual[static_cast<size_t>(labels_[static_cast<size_t>(n)])] -= C_;
      spread(n, residual, gradient);
    }
    return value;
  }

  /// out = H v, the second derivative where at() was last called.
  void curvature(const Vector& v, Vector& out) const {
    regularise(v, out);
    Vector u(static_cast<size_t>(K));
    for (int64_t n = 0; n < x_.rows; ++n) {
      const double* p = p_.row(n);
      project(n, v, u.data());
      double mean = 0;
      for (int64_t k = 0; k < K; ++k) mean += p[k] * u[static_cast<size_t>(k)];
      for (int64_t k = 0; k < K; ++k) u[static_cast<size_t>(k)] = C_ * p[k] * (u[static_cast<size_t>(k)] - mean);
      spread(n, u, out);
    }
  }

  /// The diagonal of H.
  Vector diagonal() const {
    Vector d(size(), 1.0);
    std::fill(d.begin() + static_cast<int64_t>(weights()), d.end(), 1e-12);
    for (int64_t n = 0; n < x_.rows; ++n) {
      const double* p = p_.row(n);
      for (int64_t f = 0; f <= x_.columns; ++f) {
        const double x = f < x_.columns ? x_.row(n)[f] : 1;
        for (int64_t k = 0; k < K; ++k) d[static_cast<size_t>(f * K + k)] += C_ * x * x * p[k] * (1 - p[k]);
      }
    }
    return d;
  }

 private:
  size_t weights() const { return static_cast<size_t>(x_.columns * K); }

  void regularise(const Vector& v, Vector& out) const {
    std::copy(v.begin(), v.begin() + static_cast<int64_t>(weights()), out.begin());
    std::fill(out.begin() + static_cast<int64_t>(weights()), out.end(), 0.0);
  }
  // z = v x_n  [K]
  void project(int64_t n, const Vector& v, double* z) const {
    std::copy(v.end() - K, v.end(), z);
    for (int64_t f = 0; f < x_.columns; ++f) {
      const double x = x_.row(n)[f];
      for (int64_t k = 0; k < K; ++k) z[k] += x * v[static_cast<size_t>(f * K + k)];
    }
  }
  // out += d (outer) x_n
  void spread(int64_t n, const Vector& d, Vector& out) const {
    for (int64_t f = 0; f <= x_.columns; ++f) {
      const double x = f < x_.columns ? x_.row(n)[f] : 1;
      for (int64_t k = 0; k < K; ++k) out[static_cast<size_t>(f * K + k)] += x * d[static_cast<size_t>(k)];
    }
  }

  const Matrix& x_;
  const std::vector<int>& labels_;
  const int64_t K;
  double C_;
  Matrix p_;
};

// Conjugate gradients for H step = -gradient, preconditioned by H's diagonal, to `precision` times the gradient's norm.
Vector newton_step(const Objective& objective, const Vector& gradient, double precision) {
  const Vector diagonal = objective.diagonal();
  Vector step(gradient.size(), 0.0), residual(gradient.size()), z(gradient.size()), direction, curved(gradient.size());
  for (size_t i = 0; i < gradient.size(); ++i) residual[i] = -gradient[i], z[i] = residual[i] / diagonal[i];
  direction = z;
  double rz = dot(residual, z);
  const double goal = precision * std::sqrt(dot(gradient, gradient));
  for (size_t i = 0; i < 2 * gradient.size() + 10 && std::sqrt(dot(residual, residual)) > goal; ++i) {
    objective.curvature(direction, curved);
    const double bend = dot(direction, curved);
    if (!(bend > 0)) break;
    const double length = rz / bend;
    for (size_t j = 0; j < step.size(); ++j) step[j] += length * direction[j], residual[j] -= length * curved[j];
    for (size_t j = 0; j < step.size(); ++j) z[j] = residual[j] / diagonal[j];
    const double next = dot(residual, z);
    for (size_t j = 0; j < step.size(); ++j) direction[j] = z[j] + next / rz * direction[j];
    rz = next;
  }
  return step;
}

}  // namespace

void softmax_row(double* z, int64_t count) {
  const double high = *std::max_element(z, z + count);
  double sum = 0;
  for (int64_t k = 0; k < count; ++k) sum += z[k] = z[k] - high < -700 ? 0 : portable_exp(z[k] - high);
  for (int64_t k = 0; k < count; ++k) z[k] /= sum;
}

Matrix Logistic::probabilities(const Matrix& x) const {
  Matrix p(x.rows, weights.rows);
  for (int64_t n = 0; n < x.rows; ++n) {
    for (int64_t k = 0; k < weights.rows; ++k) {
      double z = intercepts[static_cast<size_t>(k)];
      for (int64_t f = 0; f < x.columns; ++f) z += weights.row(k)[f] * x.row(n)[f];
      p.row(n)[k] = z;
    }
    softmax_row(p.row(n), p.columns);
  }
  return p;
}

// Newton's method with conjugate gradients (Nocedal and Wright, Numerical Optimization, section 7.1): the objective is
// convex, and the last steps converge quadratically, far below the bound.
Logistic fit_logistic(const Matrix& x, const std::vector<int>& labels, int classes, double C) {
  Objective objective(x, labels, classes, C);
  Vector theta(objective.size(), 0.0), gradient(objective.size()), next(objective.size()),
      next_gradient(objective.size());
  double value = objective.at(theta, gradient);
  Logistic model;
  constexpr double aim = 1e-3 * converged;
  bool stuck = false;
  while (largest(gradient) > aim && model.iterations < 500 && !stuck) {
    const Vector step = newton_step(objective, gradient, std::min(0.1, std::sqrt(largest(gradient)) * 1e-2));
    const double slope = dot(gradient, step);
    stuck = true;
    for (double length = 1; stuck && length > 1e-10; length /= 2) {
      for (size_t i = 0; i < theta.size(); ++i) next[i] = theta[i] + length * step[i];
      double mean = 0;  // a number added to all intercepts changes nothing; keep their sum at 0
      for (auto b = next.end() - classes; b != next.end(); ++b) mean += *b / classes;
      for (auto b = next.end() - classes; b != next.end(); ++b) *b -= mean;
      const double next_value = objective.at(next, next_gradient);
      // Near the minimum the value's own rounding hides the decrease; there the gradient decides.
      const bool level =
          std::abs(next_value - value) <= 1e-12 * std::abs(value) && largest(next_gradient) < largest(gradient);
      if (!(next_value <= value + 1e-4 * length * slope) && !level) continue;
      stuck = false;
      value = next_value;
      theta.swap(next);
      gradient.swap(next_gradient);
    }
    ++model.iterations;
  }
  model.gradient_max = largest(gradient);
  if (!(model.gradient_max <= converged)) {
    throw Error(ExitCode::failure, fmt::format("logistic regression: stopped at a gradient of {:.1e}, expected at most "
                                               "{:.0e}; scaled columns (--scale standard) help",
                                               model.gradient_max, converged));
  }
  model.weights = Matrix(classes, x.columns);
  for (int64_t k = 0; k < classes; ++k) {
    for (int64_t f = 0; f < x.columns; ++f) model.weights.row(k)[f] = theta[static_cast<size_t>(f * classes + k)];
    model.intercepts.push_back(theta[static_cast<size_t>(x.columns * classes + k)]);
  }
  return model;
}

}  // namespace limbic
