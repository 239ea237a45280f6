#include "agent/config/config.h"

namespace resume::agent {

const std::vector<ConfigKey>& config_keys() {
    static const std::vector<ConfigKey> keys{
        {"observe", "devices", &Config::trace_devices, "", 0, 0,
         "each device's times, not the steps' alone"},
        {"observe", "buffer_kib", &Config::trace_buffer_kib, "", 64, 262'144,
         "devices' callbacks, over all CPUs; a report says when they did not fit"},
        {"observe", "rtc_poll", &Config::rtc_poll, "off|10s|60s|600s", 0, 0,
         "look for an unannounced pause this often; costs a wake-up each time"},
        {"act.clock", "mode", &Config::clock_mode, "off|report|step", 0, 0,
         "the wall clock after a suspend that left it behind"},
        {"act.clock", "backward", &Config::clock_backward, "", 0, 0,
         "step backward too; catastrophic for time series"},
        {"act.clock", "most_s", &Config::clock_most_s, "", 2, 315'360'000,
         "never step by more than this many seconds"},
        {"act.announce", "links", &Config::announce_links, "", 0, 0,
         "links whose addresses are announced again after a resume (needs CAP_NET_RAW)"},
        {"act.disk", "probe", &Config::disk_probe, "passive|read", 0, 0,
         "look at each disk's counters, or read a sector of it as well"},
        {"act.freeze", "mounts", &Config::freeze_mounts, "", 0, 0,
         "mount points that a snapshot freezes, in this order"},
        {"act.freeze", "ttl_s", &Config::freeze_ttl_s, "", 1, 60,
         "thaw after this long, whatever happens"},
        {"act.reseed", "enabled", &Config::reseed, "", 0, 0,
         "ask the kernel for a reseed after a restore"},
        {"act.hooks", "enabled", &Config::hooks, "", 0, 0, "run hooks.d around each cycle"},
        {"request", "accept", &Config::request_accept, "xen-suspend|snapshot", 0, 0,
         "kinds that the host may ask to prepare, in data/resume/request"},
        {"request", "ttl_s", &Config::request_ttl_s, "", 1, 3600,
         "a preparation is released after this long"},
        {"capabilities", "waive", &Config::waive, "", 0, 0,
         "ids of `resumectl inventory` whose loss does not degrade a report"},
        {"report", "state_dir", &Config::state_dir, "", 0, 0, "cycles.jsonl lives here"},
        {"report", "run_dir", &Config::run_dir, "", 0, 0, "the socket and the state of this boot"},
        {"report", "metrics_dir", &Config::metrics_dir, "", 0, 0,
         "folder of node_exporter's textfile collector; empty: no file"},
        {"report", "log_kib", &Config::log_kib, "", 16, 1'048'576,
         "cycles.jsonl is rotated at this size, one old file is kept"},
        {"report", "journal", &Config::journal, "", 0, 0, "an entry with fields for each cycle"},
        {"report", "store", &Config::store, "", 0, 0, "publish below data/resume/ in xenstore"},
        {"log", "level", &Config::log_level, "error|warning|info|debug", 0, 0,
         "what is written to the log"},
    };
    return keys;
}

}  // namespace resume::agent
