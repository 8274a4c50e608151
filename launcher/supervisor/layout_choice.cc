#include "launcher/supervisor/layout_choice.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

// Modelled times so close together tell no difference.
constexpr double kAlike = 1.1;

// Why not, or "".
std::string ProblemOf(const Layout& layout, const LayoutRule& rule) {
  if (layout.has_problem()) return layout.problem();
  if (!rule.tp.has_value() || layout.tp() == *rule.tp) return "";
  return absl::StrCat("tp ", layout.tp(), " would change the bits of the ",
                      "losses; --allow_tp_change allows it");
}

// The best first.
std::vector<Layout> Possible(const LayoutTable& table, const LayoutRule& rule) {
  std::vector<Layout> layouts(table.layout().begin(), table.layout().end());
  std::erase_if(layouts, [&](const Layout& layout) {
    return !ProblemOf(layout, rule).empty();
  });
  std::stable_sort(layouts.begin(), layouts.end(),
                   [](const Layout& a, const Layout& b) {
                     return StepSeconds(a) < StepSeconds(b);
                   });
  const auto others =
      std::find_if(layouts.begin(), layouts.end(), [&](const Layout& layout) {
        return StepSeconds(layout) > kAlike * StepSeconds(layouts[0]);
      });
  std::stable_sort(
      layouts.begin(), others, [](const Layout& a, const Layout& b) {
        return std::make_pair(a.pp(), a.tp()) < std::make_pair(b.pp(), b.tp());
      });
  return layouts;
}

std::string Milliseconds(double seconds) {
  return absl::StrFormat("%.3g ms", 1e3 * seconds);
}

}  // namespace

double StepSeconds(const Layout& layout) {
  return layout.compute_seconds() + layout.memory_seconds() +
         layout.link_seconds();
}

std::string DegreesText(const Layout& layout) {
  return absl::StrCat("pp ", layout.pp(), " x dp ", layout.dp(), " x pertp ",
                      layout.pertp(), " x tp ", layout.tp());
}

std::optional<Layout> ChooseLayout(const LayoutTable& table,
                                   const LayoutRule& rule) {
  const std::vector<Layout> possible = Possible(table, rule);
  if (possible.empty()) return std::nullopt;
  return possible.front();
}

std::string ExplainLayout(const LayoutTable& table, const LayoutRule& rule,
                          const Layout& chosen, bool measured) {
  const std::vector<Layout> possible = Possible(table, rule);
  std::string text = absl::StrCat(
      DegreesText(chosen), ", modelled ", Milliseconds(StepSeconds(chosen)),
      " a step, ", HumanBytes(chosen.rank_bytes()), " a rank; ");
  if (possible.size() > 1) {
    absl::StrAppend(&text, "next ", DegreesText(possible[1]), ", ",
                    Milliseconds(StepSeconds(possible[1])), "; ");
  }
  absl::StrAppend(&text, possible.size(), " of ", table.layout_size(),
                  " layouts are possible");
  if (rule.tp.has_value()) absl::StrAppend(&text, " with tp ", *rule.tp);
  return absl::StrCat(text, measured ? "" : " (speeds assumed, not measured)");
}

std::string LayoutTableText(const LayoutTable& table, const LayoutRule& rule) {
  std::string text = absl::StrFormat(
      "%d ranks, at most %d on a node\n  %-32s %10s %12s   %s\n", table.ranks(),
      table.ranks_per_node(), "layout", "a rank", "a step",
      "compute + memory + messages");
  const std::optional<Layout> chosen = ChooseLayout(table, rule);
  for (const Layout& layout : Possible(table, rule)) {
    const bool best =
        chosen.has_value() && DegreesText(layout) == DegreesText(*chosen);
    absl::StrAppendFormat(&text, "%s %-32s %10s %12s   %s + %s + %s\n",
                          best ? ">" : " ", DegreesText(layout),
                          HumanBytes(layout.rank_bytes()),
                          Milliseconds(StepSeconds(layout)),
                          Milliseconds(layout.compute_seconds()),
                          Milliseconds(layout.memory_seconds()),
                          Milliseconds(layout.link_seconds()));
  }
  for (const Layout& layout : table.layout()) {
    const std::string problem = ProblemOf(layout, rule);
    if (problem.empty()) continue;
    absl::StrAppendFormat(&text, "  %-32s not possible: %s\n",
                          DegreesText(layout), problem);
  }
  return text;
}

std::vector<std::string> LayoutArguments(const Layout& layout) {
  std::vector<std::string> arguments;
  for (const auto& [axis, degree] :
       {std::pair("pp", layout.pp()), std::pair("dp", layout.dp()),
        std::pair("pertp", layout.pertp()), std::pair("tp", layout.tp())}) {
    arguments.push_back("--set");
    arguments.push_back(absl::StrCat("topology.", axis, "=", degree));
  }
  return arguments;
}

}  // namespace perdure
