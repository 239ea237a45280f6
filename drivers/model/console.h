// xenconsoled's end of the PV console ring: what the guest printed.
#pragma once

#include <string>

#include "drivers/model/fwd.h"
#include "libresume/terms.h"

namespace resume::model {

class Console {
  public:
    explicit Console(Machine& machine) : machine_{machine} {}

    void connect(Port port) { port_ = port; }
    /// The guest sent on the console's channel.
    void notified();
    [[nodiscard]] const std::string& text() const { return text_; }
    /// Types something into the guest.
    void type(const std::string& text);

  private:
    Machine& machine_;
    Port port_ = 0;
    std::string text_;
};

}  // namespace resume::model
