// A site in three levels: a main meter that also feeds the cooling, a rack with two PDUs, and servers that
// hang on one outlet of each. Everything is exact: outlet n of both PDUs carries half of server n.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/agent/accounting/model.h"

namespace flopwatt::accounting::model {

struct Server {
  Load load = constant(2000);
  double gpu_share = 0.7;  // of the server's power
  std::vector<SourcePtr> gpus;
};

struct Site {
  std::vector<Server> servers;
  Load rest = constant(300);  // of the rack, on no outlet that a scope names
  double pue = 1.37;
  double flop_per_joule = 2e11;
  Offers offers;
  SourcePtr main = meter("main"), pdu_a, pdu_b;
  std::function<bool(ReadingSet&, double)> disturb = [](ReadingSet&, double) { return true; };
  double main_phase = 0, jitter = 0;
  std::mt19937 random{7};
  std::vector<ReadingSet> closed;

  [[nodiscard]] double server_energy(std::size_t server, double from, double to) const {
    return servers[server].load.between(from, to);
  }
  [[nodiscard]] double rack_energy(double from, double to) const {
    double sum = rest.between(from, to);
    for (std::size_t i = 0; i < servers.size(); ++i) sum += server_energy(i, from, to);
    return sum;
  }
  [[nodiscard]] double device_energy(std::size_t server, double from, double to) const {
    return servers[server].gpu_share * server_energy(server, from, to);
  }
  [[nodiscard]] double work(std::size_t server, double from, double to) const {
    return flop_per_joule * device_energy(server, from, to);
  }

  [[nodiscard]] ReadingSet pdu_set(const SourcePtr& pdu, double t) const {
    double watts = rest.watts(t) / 2;
    double joules = rest.joules(t) / 2;
    for (const Server& server : servers) {
      watts += server.load.watts(t) / 2;
      joules += server.load.joules(t) / 2;
    }
    ReadingSet set = meter_set(pdu, t, watts, 3.6e9 + joules);
    for (std::size_t i = 0; i < pdu->fields.size(); ++i) {
      const Channel& channel = pdu->fields[i].channel;
      if (channel.place != Place::branch) continue;
      const Load& load = servers[channel.branch - 1U].load;
      set.values[i] = channel.quantity == Q::active_power ? load.watts(t) / 2
                                                          : 1000 + std::floor(load.joules(t) / 2 / 3600);
    }
    return set;
  }

  void second(Accounting& accounting, int s) {
    std::vector<ReadingSet> batch;
    std::uniform_real_distribution<double> shift(0, jitter);
    const auto tell = [&](ReadingSet set, double t) {
      if (disturb(set, t)) batch.push_back(std::move(set));
    };
    double t = s + main_phase + shift(random);
    tell(meter_set(main, t, pue * (pdu_set(pdu_a, t).values[1] + pdu_set(pdu_b, t).values[1]),
                   3.6e10 + pue * rack_energy(0, t)),
         t);
    for (const SourcePtr& pdu : {pdu_a, pdu_b}) {
      t = s + 0.3 + shift(random);
      tell(pdu_set(pdu, t), t);
    }
    for (const Server& server : servers) {
      for (const SourcePtr& gpu : server.gpus) {
        t = s + shift(random);
        const double share = server.gpu_share / static_cast<double>(server.gpus.size());
        GpuValues values;
        values.watts = server.load.watts(t) * share;
        values.joules = 1e6 + server.load.joules(t) * share;
        values.work = values.counted = server.load.between(0, t) * share * flop_per_joule;
        values.offers = offers;
        tell(gpu_set(gpu, t, values), t);
      }
    }
    for (ReadingSet& set : accounting.advance(batch, at(s + 0.98))) closed.push_back(std::move(set));
  }

  void run(Accounting& accounting, int from, int to) {
    for (int s = from; s < to; ++s) second(accounting, s);
  }
};

// A meter that has power and energy of its outlets 1 to `outlets` too.
inline SourcePtr pdu(const std::string& name, std::uint16_t outlets, const MeterShape& shape = {}) {
  auto source = std::make_shared<Source>(*meter(name, shape));
  for (std::uint16_t i = 1; i <= outlets; ++i) {
    source->fields.push_back({{Q::energy_import, Place::branch, i}, Wire::u32, 1, 0});
    source->fields.push_back({{Q::active_power, Place::branch, i}, Wire::f32, 1, 0});
  }
  return source;
}

}  // namespace flopwatt::accounting::model
