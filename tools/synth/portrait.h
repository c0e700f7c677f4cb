// SPDX-License-Identifier: Apache-2.0
// Cartoon faces: an actor's looks, an emotion's expression, drawn by shapes. Simple enough to be drawn by hand, and
// face enough for OpenCV's cascade.
#pragma once
#include <cstdint>

#include "tools/synth/canvas.h"

namespace limbic {

/// What moves in a face. Lengths are shares of half its height, 0 is neutral.
struct Expression {
  double brow_up = 0;       ///< of the middle of the brows
  double brow_slant = 0;    ///< of their inner ends against the outer ones; below 0 angry, above sad
  double eye_open = 1;      ///< 0 closed, 1 usual, 1.5 wide
  double mouth_curve = 0;   ///< of the corners: above 0 they go up
  double mouth_open = 0;    ///< 0 closed
  double mouth_wide = 0;    ///< against the usual width
  double nose_wrinkle = 0;  ///< 0 to 1, and the upper lip with it
  double cheek_up = 0;      ///< 0 to 1
};

/// How far `strength` (0 to 1) of emotion 0 to 7 of emotion_names moves a face; each actor and take a little otherwise.
Expression expression_of(uint64_t seed, int actor, int emotion, int take, double strength);

struct Looks {
  Colour skin, hair, eyes, shirt, wall;
  double width;  ///< of the face against its height
  double eye_apart, brow_thick, nose_long, hair_long;
};
Looks looks_of(uint64_t seed, int actor);

struct Pose {
  Point centre;      ///< of the face, in pixels
  double half;       ///< of its height, in pixels
  double turns = 0;  ///< of the head, clockwise
};

/// Paints wall, shoulders and head over the whole of `canvas`.
void draw_portrait(Canvas& canvas, int width, int height, const Looks& looks, const Expression& expression,
                   const Pose& pose);

}  // namespace limbic
