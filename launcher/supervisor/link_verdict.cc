#include "launcher/supervisor/link_verdict.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perdure {
namespace {

constexpr size_t kFewHosts = 8;  // at most 28 pairs
constexpr size_t kGoodPartners = 2;

bool Joins(const TriedLink& link, const std::string& host) {
  return link.hosts.first == host || link.hosts.second == host;
}

std::set<std::string> Suspects(const std::vector<TriedLink>& tried) {
  std::set<std::string> suspects;
  for (const TriedLink& link : tried) {
    if (link.problem.empty()) continue;
    suspects.insert(link.hosts.first);
    suspects.insert(link.hosts.second);
  }
  return suspects;
}

// The host of most of the bad links; of equals the later one.
std::string WorstHost(const std::vector<std::string>& hosts,
                      const std::vector<TriedLink>& bad) {
  std::string worst;
  std::ptrdiff_t most = 0;
  for (const std::string& host : hosts) {
    const std::ptrdiff_t count =
        std::count_if(bad.begin(), bad.end(),
                      [&](const TriedLink& link) { return Joins(link, host); });
    if (count > 0 && count >= most) {
      worst = host;
      most = count;
    }
  }
  return worst;
}

}  // namespace

std::vector<HostPair> FirstRound(const std::vector<std::string>& hosts) {
  std::vector<HostPair> pairs;
  const bool few = hosts.size() <= kFewHosts;
  for (size_t i = 0; i < hosts.size(); ++i) {
    const size_t end = few ? hosts.size() : std::min(hosts.size(), i + 2);
    for (size_t j = i + 1; j < end; ++j) pairs.emplace_back(hosts[i], hosts[j]);
  }
  if (!few) pairs.emplace_back(hosts.back(), hosts.front());
  return pairs;
}

std::vector<HostPair> SecondRound(const std::vector<std::string>& hosts,
                                  const std::vector<TriedLink>& tried) {
  const std::set<std::string> suspects = Suspects(tried);
  std::vector<HostPair> pairs;
  for (const std::string& suspect : suspects) {
    size_t partners = 0;
    for (const std::string& good : hosts) {
      if (partners == kGoodPartners || suspects.contains(good)) continue;
      const bool known =
          std::any_of(tried.begin(), tried.end(), [&](const TriedLink& link) {
            return Joins(link, suspect) && Joins(link, good);
          });
      if (known) continue;
      pairs.emplace_back(suspect, good);
      ++partners;
    }
  }
  return pairs;
}

LinkVerdict JudgeLinks(const std::vector<std::string>& hosts,
                       const std::vector<TriedLink>& tried) {
  std::vector<TriedLink> bad;
  std::vector<std::string> named;
  for (const TriedLink& link : tried) {
    if (link.problem.empty()) continue;
    bad.push_back(link);
    named.push_back(absl::StrCat(link.hosts.first, " - ", link.hosts.second,
                                 " (", link.problem, ")"));
  }
  LinkVerdict verdict;
  if (bad.empty()) {
    verdict.what = absl::StrCat("all ", tried.size(),
                                " links between the hosts that were tried "
                                "carry data");
    return verdict;
  }
  verdict.what =
      absl::StrCat("no data gets through between ", absl::StrJoin(named, ", "),
                   ", of ", tried.size(), " links tried");
  while (!bad.empty()) {
    const std::string worst = WorstHost(hosts, bad);
    std::erase_if(bad,
                  [&](const TriedLink& link) { return Joins(link, worst); });
    verdict.guilty.push_back(worst);
  }
  return verdict;
}

}  // namespace perdure
