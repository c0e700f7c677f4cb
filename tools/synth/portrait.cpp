// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/portrait.h"

#include "engine/random.h"

namespace limbic {
namespace {

Colour mixed(const Colour& a, const Colour& b, double share) {
  Colour c;
  for (size_t i = 0; i < 3; ++i) c[i] = a[i] + static_cast<float>(share) * (b[i] - a[i]);
  return c;
}

constexpr Colour black = {0, 0, 0}, white = {1, 1, 1}, lips = {0.68f, 0.27f, 0.27f}, mouth = {0.28f, 0.06f, 0.08f};

// neutral, calm, happy, sad, angry, fearful, disgust, surprised
constexpr Expression targets[] = {
    {0, 0, 1, 0, 0, 0, 0, 0},
    {0.02, 0.02, 0.72, 0.05, 0, 0, 0, 0.15},
    {0.04, 0, 0.85, 0.16, 0.12, 0.12, 0, 1},
    {0.01, 0.15, 0.65, -0.13, 0, -0.04, 0, 0},
    {-0.10, -0.17, 0.85, -0.06, 0.02, -0.06, 0.35, 0},
    {0.09, 0.13, 1.30, -0.07, 0.10, 0.10, 0, 0},
    {-0.05, -0.07, 0.60, -0.09, 0.04, 0.02, 1, 0.5},
    {0.12, 0.01, 1.35, 0, 0.24, -0.10, 0, 0},
};

/// The outline of an opening from -half to half: `upper` and `lower` are how far its lips are from the line in between,
/// which rises by `curve` at its ends.
struct Lens {
  Point centre;
  double half, upper, lower, curve;
  double middle(double x) const {
    const double u = (x - centre.x) / half;
    return centre.y - curve * (u * u - 0.5);
  }
  /// How far inside a point is; negative outside.
  double depth(double x, double y) const {
    const double u = (x - centre.x) / half, round = std::max(0.0, 1 - u * u);
    return std::min(y - (middle(x) - upper * round), middle(x) + lower * round - y);
  }
  Point low() const { return {centre.x - half, centre.y - upper - std::abs(curve)}; }
  Point high() const { return {centre.x + half, centre.y + lower + std::abs(curve)}; }
  std::vector<Point> edge(double side) const {
    std::vector<Point> points;
    for (int i = -8; i <= 8; ++i) {
      const double u = i / 8.0, x = centre.x + half * u, round = 1 - u * u;
      points.push_back({x, middle(x) + side * (side < 0 ? upper : lower) * round});
    }
    return points;
  }
};

void draw_eye(Canvas& canvas, const Looks& looks, const Expression& e, double side) {
  const Point centre = {side * looks.eye_apart, -0.18};
  canvas.ellipse({centre.x, centre.y - 0.02}, {0.25, 0.17}, mixed(looks.skin, black, 0.62), 0.85, 0.16);  // the socket
  const double open = 0.075 * e.eye_open;
  const Lens lid{centre, 0.15, open, 0.8 * open, 0};
  const auto opening = [&](double x, double y) { return canvas.inside(lid.depth(x, y)); };
  canvas.paint(lid.low(), lid.high(), mixed({0.9f, 0.9f, 0.88f}, looks.skin, 0.35), 1, opening);
  const auto round = [&](double radius, const Colour& colour) {
    canvas.paint(lid.low(), lid.high(), colour, 1, [&](double x, double y) {
      const double dx = x - centre.x, dy = y - centre.y;
      return std::min(opening(x, y), canvas.inside(radius - std::sqrt(dx * dx + dy * dy)));
    });
  };
  round(0.068, looks.eyes);
  round(0.035, black);
  canvas.line(lid.edge(-1), 0.025, mixed(looks.skin, black, 0.75));

  // Inner end first.
  const double height = -0.37 - e.brow_up;
  const Point inner = {centre.x - side * 0.15, height - e.brow_slant + 0.02},
              outer = {centre.x + side * 0.19, height + 0.4 * e.brow_slant + 0.04};
  const Point middle = {centre.x, 0.5 * (inner.y + outer.y) - 0.045};
  canvas.line({inner, middle, outer}, looks.brow_thick, mixed(looks.hair, black, 0.35));
}

void draw_nose(Canvas& canvas, const Looks& looks, const Expression& e) {
  canvas.ellipse({0, -0.12}, {0.085, 0.24}, mixed(looks.skin, white, 0.45), 0.8, 0.10);  // the light on its bridge
  const double tip = looks.nose_long - 0.03 * e.nose_wrinkle;
  const Colour shade = mixed(looks.skin, black, 0.45);
  canvas.line({{-0.09, tip - 0.02}, {-0.04, tip + 0.03}, {0.04, tip + 0.03}, {0.09, tip - 0.02}}, 0.022, shade);
  for (const double side : {-1.0, 1.0}) {
    canvas.ellipse({side * 0.05, tip + 0.01}, {0.022, 0.013}, mixed(looks.skin, black, 0.7));
    if (e.nose_wrinkle <= 0.2) continue;
    for (const double y : {-0.20, -0.14}) {
      canvas.line({{side * 0.03, y}, {side * 0.09, y - 0.035 * e.nose_wrinkle}}, 0.016, shade);
    }
    canvas.line({{side * 0.13, tip}, {side * 0.24, tip + 0.16}}, 0.016 * e.nose_wrinkle, shade);
  }
}

void draw_mouth(Canvas& canvas, const Looks& looks, const Expression& e) {
  const double half = 0.25 + e.mouth_wide, y = 0.52 - 0.04 * e.nose_wrinkle;
  const Lens opening{
      {0, y}, half, 0.35 * e.mouth_open + 0.03 * e.nose_wrinkle, 0.65 * e.mouth_open + 0.004, e.mouth_curve};
  const Lens around{{0, y}, half + 0.02, opening.upper + 0.035, opening.lower + 0.05, e.mouth_curve};
  canvas.paint(around.low(), around.high(), mixed(lips, looks.skin, 0.25), 1,
               [&](double x, double v) { return canvas.inside(around.depth(x, v)); });
  canvas.paint(opening.low(), opening.high(), mouth, 1,
               [&](double x, double v) { return canvas.inside(opening.depth(x, v)); });
  if (opening.upper + opening.lower > 0.06) {  // teeth
    canvas.paint(opening.low(), opening.high(), {0.95f, 0.94f, 0.9f}, 1, [&](double x, double v) {
      return std::min(canvas.inside(opening.depth(x, v) - 0.008),
                      canvas.inside(opening.middle(x) - opening.upper + 0.055 - v));
    });
  }
  canvas.line(opening.edge(1), 0.014, mouth);
}

}  // namespace

Expression expression_of(uint64_t seed, int actor, int emotion, int take, double strength) {
  Random random(seed, 9000000 + static_cast<uint64_t>((actor * 8 + emotion) * 100 + take));
  Expression e, target = targets[emotion];
  const auto go = [&](double& now, double wanted, double spread) {
    const double share = strength * random.uniform(0.75f, 1.1f), stray = spread * random.uniform(-1, 1);
    now += share * (wanted - now) + stray;
  };
  go(e.brow_up, target.brow_up, 0.012);
  go(e.brow_slant, target.brow_slant, 0.015);
  go(e.eye_open, target.eye_open, 0.05);
  go(e.mouth_curve, target.mouth_curve, 0.012);
  go(e.mouth_open, target.mouth_open, 0);
  go(e.mouth_wide, target.mouth_wide, 0.01);
  go(e.nose_wrinkle, target.nose_wrinkle, 0);
  go(e.cheek_up, target.cheek_up, 0);
  return e;
}

Looks looks_of(uint64_t seed, int actor) {
  constexpr Colour skins[] = {{0.95f, 0.80f, 0.69f},
                              {0.90f, 0.72f, 0.58f},
                              {0.80f, 0.61f, 0.46f},
                              {0.66f, 0.47f, 0.34f},
                              {0.97f, 0.85f, 0.77f}};
  constexpr Colour hairs[] = {{0.12f, 0.09f, 0.08f},
                              {0.30f, 0.19f, 0.11f},
                              {0.55f, 0.38f, 0.18f},
                              {0.45f, 0.16f, 0.09f},
                              {0.52f, 0.51f, 0.50f}};
  constexpr Colour eyes[] = {{0.25f, 0.15f, 0.08f}, {0.22f, 0.36f, 0.50f}, {0.25f, 0.38f, 0.24f}};
  Random random(seed, 8000000 + static_cast<uint64_t>(actor));
  Looks looks;
  looks.skin = skins[random.below(5)];
  looks.hair = hairs[random.below(5)];
  looks.eyes = eyes[random.below(3)];
  for (float& v : looks.shirt) v = random.uniform(0.15f, 0.75f);
  const float light = random.uniform(0.55f, 0.8f);
  for (float& v : looks.wall) v = light + random.uniform(-0.08f, 0.08f);
  looks.width = random.uniform(0.72f, 0.80f);
  looks.eye_apart = random.uniform(0.29f, 0.33f);
  looks.brow_thick = random.uniform(0.05f, 0.075f) * (actor % 2 == 1 ? 1.15 : 0.85);
  looks.nose_long = random.uniform(0.17f, 0.23f);
  looks.hair_long = actor % 2 == 1 ? random.uniform(0, 0.25f) : random.uniform(0.5f, 1.1f);
  return looks;
}

void draw_portrait(Canvas& canvas, int width, int height, const Looks& looks, const Expression& e, const Pose& pose) {
  canvas.place({0, 0}, 1, 0);
  canvas.paint({0, 0}, {static_cast<double>(width), static_cast<double>(height)}, looks.wall, 1,
               [](double, double) { return 1.0; });
  canvas.ellipse({0.5 * width, 0.1 * height}, {0.6 * width, 0.6 * height}, white, 0.18, 0.5 * height);

  const double w = looks.width;
  canvas.place(pose.centre, pose.half, pose.turns);
  canvas.ellipse({0, -0.25 + 0.3 * looks.hair_long}, {w + 0.13, 0.85 + 0.35 * looks.hair_long}, looks.hair);
  canvas.place({pose.centre.x, pose.centre.y + 0.3 * pose.half}, pose.half, 0);  // the body stays where the head turns
  canvas.ellipse({0, 1.75}, {1.35, 0.95}, looks.shirt);
  canvas.ellipse({0, 0.75}, {0.33, 0.55}, mixed(looks.skin, black, 0.22));

  canvas.place(pose.centre, pose.half, pose.turns);
  for (const double side : {-1.0, 1.0})
    canvas.ellipse({side * (w + 0.01), -0.05}, {0.09, 0.17}, mixed(looks.skin, black, 0.12));
  canvas.ellipse({0, 0}, {w, 1}, looks.skin);
  canvas.ellipse({0, -0.62}, {0.42, 0.2}, mixed(looks.skin, white, 0.5), 0.7, 0.25);  // light from above
  canvas.paint({-w, -1}, {w, -0.55}, looks.hair, 1, [&](double x, double y) {         // the fringe
    return std::min(canvas.inside(1 - std::sqrt(x * x / (w * w) + y * y)),
                    canvas.inside(-0.68 - 0.25 * x * x / (w * w) + 0.2 * std::abs(x) - y));
  });
  for (const double side : {-1.0, 1.0}) {
    canvas.ellipse({side * 0.40, 0.16 - 0.05 * e.cheek_up}, {0.2, 0.17}, mixed(looks.skin, white, 0.5), 0.8, 0.16);
    canvas.paint({-w, -1}, {w, 1}, mixed(looks.skin, black, 0.4), 0.6,
                 [&](double x, double y) {  // round towards the ear
                   return std::min(canvas.inside(1 - std::sqrt(x * x / (w * w) + y * y)), (side * x / w - 0.78) * 4);
                 });
    if (e.cheek_up > 0.3) {
      canvas.line({{side * 0.27, 0.24}, {side * 0.36, 0.40}, {side * 0.35, 0.50}}, 0.016 * e.cheek_up,
                  mixed(looks.skin, black, 0.35));
    }
    draw_eye(canvas, looks, e, side);
  }
  draw_nose(canvas, looks, e);
  draw_mouth(canvas, looks, e);
}

}  // namespace limbic
