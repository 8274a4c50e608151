#include "launcher/supervisor/node_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace perdure {
namespace {

constexpr double kLongestExclusion = 3600;  // seconds

// "a:4" or "a".
absl::StatusOr<HostSlots> ParseHost(absl::string_view text) {
  HostSlots host;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  host.host = std::string(parts[0]);
  const bool good =
      !host.host.empty() && parts.size() <= 2 &&
      (parts.size() == 1 ||
       (absl::SimpleAtoi(parts[1], &host.slots) && host.slots >= 1));
  if (good) return host;
  return absl::InvalidArgumentError(
      absl::StrCat("host '", text, "' is not NAME or NAME:RANKS"));
}

// Without its domain. An address has none.
absl::string_view ShortName(absl::string_view host) {
  const bool address =
      host.find_first_not_of("0123456789.") == absl::string_view::npos;
  return address ? host : host.substr(0, host.find('.'));
}

absl::Status Add(absl::string_view text, std::vector<HostSlots>* hosts) {
  ASSIGN_OR_RETURN(const HostSlots host, ParseHost(text));
  for (const HostSlots& other : *hosts) {
    if (other.host == host.host) {
      return absl::InvalidArgumentError(
          absl::StrCat("host '", host.host, "' is given twice"));
    }
  }
  hosts->push_back(host);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<HostSlots>> ParseHosts(absl::string_view text) {
  std::vector<HostSlots> hosts;
  for (const absl::string_view entry :
       absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    RETURN_IF_ERROR(Add(absl::StripAsciiWhitespace(entry), &hosts));
  }
  return hosts;
}

absl::StatusOr<std::vector<HostSlots>> ParseHostfile(absl::string_view text) {
  std::vector<HostSlots> hosts;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::string entry(
        absl::StripAsciiWhitespace(line.substr(0, line.find('#'))));
    if (entry.empty()) continue;
    const std::vector<std::string> words =
        absl::StrSplit(entry, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    std::string host = words[0];
    if (words.size() > 1) {
      host =
          absl::StrCat(host, absl::StrReplaceAll(words[1], {{"slots=", ":"}}));
    }
    RETURN_IF_ERROR(Add(host, &hosts));
  }
  return hosts;
}

double CooldownAfter(double first, int times) {
  double seconds = first;
  for (int i = 0; i < times && seconds < kLongestExclusion; ++i) {
    seconds = std::min(2 * seconds, kLongestExclusion);
  }
  return seconds;
}

NodeTable::NodeTable(std::vector<HostSlots> hosts, double cooldown)
    : cooldown_(cooldown) {
  for (HostSlots& host : hosts) {
    nodes_.emplace_back().host = std::move(host);
  }
}

std::optional<std::vector<HostSlots>> NodeTable::Choose(int ranks,
                                                        double now) const {
  std::vector<int> taken(nodes_.size(), 0);
  for (const bool slow : {false, true}) {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const Node& node = nodes_[i];
      if (node.out_until > now || (node.slow_until > now) != slow) continue;
      taken[i] = std::min(node.host.slots, ranks);
      ranks -= taken[i];
    }
  }
  if (ranks > 0) return std::nullopt;
  std::vector<HostSlots> chosen;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (taken[i] > 0) chosen.push_back({nodes_[i].host.host, taken[i]});
  }
  return chosen;
}

void NodeTable::LearnNames(const std::vector<HostSlots>& hosts,
                           const std::vector<std::string>& names) {
  size_t rank = 0;
  std::map<std::string, std::string> learned;  // by own name
  for (const HostSlots& host : hosts) {
    std::set<std::string> told;
    for (int i = 0; i < host.slots && rank < names.size(); ++i, ++rank) {
      if (!names[rank].empty()) told.insert(names[rank]);
    }
    if (told.empty()) continue;
    // Ranks are elsewhere than this reckons with, or hosts share a name.
    if (told.size() > 1 || !learned.emplace(*told.begin(), host.host).second) {
      return;
    }
  }
  for (const auto& [name, host] : learned) {
    for (Node& node : nodes_) {
      if (node.host.host == host) node.own_name = name;
    }
  }
}

int NodeTable::TrustedSlots(double now) const {
  int slots = 0;
  for (const Node& node : nodes_) {
    if (node.out_until <= now) slots += node.host.slots;
  }
  return slots;
}

NodeTable::Node* NodeTable::Find(absl::string_view host) {
  Node* alike = nullptr;
  int many = 0;
  for (Node& node : nodes_) {
    if (node.host.host == host || node.own_name == host) return &node;
    if (ShortName(node.host.host) == ShortName(host)) {
      alike = &node;
      ++many;
    }
  }
  return many == 1 ? alike : nullptr;
}

bool NodeTable::Exclude(absl::string_view host, double now) {
  Node* node = Find(host);
  if (node == nullptr) return false;
  node->untried = true;
  node->out_until = std::max(
      node->out_until, now + CooldownAfter(cooldown_, node->exclusions++));
  return true;
}

std::vector<std::string> NodeTable::Untried(
    const std::vector<HostSlots>& hosts) const {
  std::vector<std::string> untried;
  for (const HostSlots& host : hosts) {
    for (const Node& node : nodes_) {
      if (node.host.host == host.host && node.untried) {
        untried.push_back(host.host);
      }
    }
  }
  return untried;
}

void NodeTable::MarkTried(absl::string_view host) {
  if (Node* node = Find(host); node != nullptr) node->untried = false;
}

bool NodeTable::MarkSlow(absl::string_view host, double now) {
  Node* node = Find(host);
  if (node == nullptr) return false;
  node->slow_until = now + CooldownAfter(cooldown_, node->swaps++);
  return true;
}

bool NodeTable::IsSlow(absl::string_view host, double now) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
    return node.host.host == host && node.slow_until > now;
  });
}

bool NodeTable::Condemn(absl::string_view host) {
  Node* node = Find(host);
  if (node == nullptr) return false;
  node->out_until = std::numeric_limits<double>::infinity();
  return true;
}

std::optional<double> NodeTable::NextReturn(double now) const {
  std::optional<double> next;
  for (const Node& node : nodes_) {
    if (node.out_until <= now || std::isinf(node.out_until)) continue;
    next = next.has_value() ? std::min(*next, node.out_until) : node.out_until;
  }
  return next;
}

std::string NodeTable::Describe(double now) const {
  std::string text;
  for (const Node& node : nodes_) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", node.host.host, ":",
                    node.host.slots);
    if (std::isinf(node.out_until)) {
      absl::StrAppend(&text, " out for good");
    } else if (node.out_until > now) {
      absl::StrAppendFormat(&text, " out for %.0f s", node.out_until - now);
    } else if (node.slow_until > now) {
      absl::StrAppendFormat(&text, " slow, used last for %.0f s",
                            node.slow_until - now);
    }
  }
  return text;
}

}  // namespace perdure
