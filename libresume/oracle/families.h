// The families of rules, each a class of its own that nobody else sees.
#pragma once

#include <memory>

#include "libresume/oracle/scene.h"

namespace resume::oracle {

[[nodiscard]] std::unique_ptr<Rules> outcome_rules();       // L6 F4 P1 P12
[[nodiscard]] std::unique_ptr<Rules> quiet_rules();         // L1 L2 F1 F2 L23 D1
[[nodiscard]] std::unique_ptr<Rules> order_rules();         // L7 L10 F3 F5
[[nodiscard]] std::unique_ptr<Rules> registration_rules();  // L8 L9 L11 L12
[[nodiscard]] std::unique_ptr<Rules> watch_rules();         // L5
[[nodiscard]] std::unique_ptr<Rules> store_rules();         // L3 L4 L24
[[nodiscard]] std::unique_ptr<Rules> time_rules();          // L13 L14 L22
[[nodiscard]] std::unique_ptr<Rules> hook_rules();          // P3 P4 P6 P10 P11 P13 P14 F6
[[nodiscard]] std::unique_ptr<Rules> tree_rules();          // P2
[[nodiscard]] std::unique_ptr<Rules> step_rules();          // P5 P7

[[nodiscard]] std::unique_ptr<Rules> kvm_rules();     // K1 K2 L6 L16 L20 L21
[[nodiscard]] std::unique_ptr<Rules> device_rules();  // L15 L16 L17 L20
[[nodiscard]] std::unique_ptr<Rules> memory_rules();  // D2

}  // namespace resume::oracle
