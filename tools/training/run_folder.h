// SPDX-License-Identifier: Apache-2.0
// Whose a run's folder is: it belongs to one recipe and one data set for good.
#pragma once
#include <string>
#include <vector>

#include "tools/training/features.h"
#include "tools/training/recipe.h"

namespace limbic {

/// What decides the data's part in a result: names, labels, groups and sounds of the clips, side by side.
std::string data_identity(const std::vector<const std::vector<Example>*>& sides);

/// The folder can be made, or is there and can be written to: told before the work. Throws Error(ExitCode::usage).
void check_folder(const std::string& out);

/// Makes the folder with the recipe's text and the data's identity in recipe.toml, or finds the same there. Throws
/// Error(ExitCode::usage) where it holds a run of another recipe or of other data.
void claim_folder(const std::string& out, const std::string& recipe, const std::string& identity);

}  // namespace limbic
