#ifndef PERDURE_LAUNCHER_SUPERVISOR_LAYOUT_CHOICE_H_
#define PERDURE_LAUNCHER_SUPERVISOR_LAYOUT_CHOICE_H_

// Which of a trainer's layouts a generation is started with. Pure.

#include <optional>
#include <string>
#include <vector>

#include "launcher/control/layout.pb.h"

namespace perdure {

// What a layout may change.
struct LayoutRule {
  // Left out: everything. Zeroth-order losses keep their bits only while tp
  // stays.
  std::optional<int> tp;
};

// Modelled seconds of a step.
double StepSeconds(const Layout& layout);
std::string DegreesText(
    const Layout& layout);  // "pp 1 x dp 3 x pertp 1 x tp 2"

// The fastest that can be and may be; of those within a tenth of it the one
// with fewer stages, then with less tp: their messages are modelled worst.
// None: there is no such layout.
std::optional<Layout> ChooseLayout(const LayoutTable& table,
                                   const LayoutRule& rule);

// One line: what was chosen, by how much, over what.
std::string ExplainLayout(const LayoutTable& table, const LayoutRule& rule,
                          const Layout& chosen, bool measured);

// For people: a line a layout, the best first, then the impossible ones.
std::string LayoutTableText(const LayoutTable& table, const LayoutRule& rule);

// The trainer's arguments for it.
std::vector<std::string> LayoutArguments(const Layout& layout);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_LAYOUT_CHOICE_H_
